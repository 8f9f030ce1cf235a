"""Config of an estate ledger: where it stands, which header holds which field, in what units."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from forecast.protected import is_protected
from forecast.spec import Names, Spec

Crs = Literal["WGS-84", "GCJ-02", "BD-09"]


class EstateColumns(Spec):
    """Header names of each field; the first that the ledger has holds. `area` headers are tried in order per row.

    Case, width, blanks and a unit in brackets at the end, as in 建筑面积(㎡), do not matter. `tenure_*`: shares of
    the homes by kind of title. `as_of`, `source`: of when and from whom the figures of a row are.
    """

    estate: Names = ("estate", "estate_id", "小区编号", "小区编码", "小区代码", "小区ID")
    name: Names = (
        "name", "estate_name", "小区名称", "小区名", "住宅小区名称", "小区", "院落名称", "项目名称", "楼盘名称",
        "address", "地址",
    )  # fmt: skip
    aliases: Names = ("aliases", "alias", "别名", "曾用名", "又名", "俗称", "小区别名", "other_names")
    area: Names = ("area", "社区代码", "社区编码", "社区", "社区/村", "所属社区", "社区名称", "所在社区", "community")
    households: Names = ("households", "户数", "总户数", "住户数", "居民户数", "总套数", "套数", "units")
    built_year: Names = (
        "built_year", "建成年份", "建成年代", "建成时间", "建成年", "建造年份", "建设年份", "建设年代", "竣工年份",
        "竣工时间", "竣工日期", "竣工年代", "竣工年", "建筑年代", "建筑年份", "year_built",
    )  # fmt: skip
    lon: Names = ("lon", "lng", "longitude", "经度")
    lat: Names = ("lat", "latitude", "纬度")
    coord_crs: Names = ("coord_crs", "坐标系", "坐标系统")
    zone: Names = ("zone", "功能区", "区域", "片区")
    valid_from: Names = ("valid_from", "启用日期", "生效日期")
    valid_to: Names = ("valid_to", "停用日期", "失效日期", "拆除日期")
    buildings: Names = ("buildings", "楼栋数", "楼栋总数", "栋数", "楼数", "楼栋数量", "幢数")
    floors_max: Names = ("floors_max", "最高层数", "层数", "楼层数", "最高楼层", "地上层数")
    structure: Names = ("structure", "结构", "建筑结构", "结构类型", "房屋结构")
    seismic_done: Names = ("seismic_done", "抗震加固", "是否抗震加固", "已抗震加固")
    insulation_done: Names = (
        "insulation_done", "节能改造", "外墙保温", "节能保温", "是否节能改造", "是否做外墙保温", "保温改造",
    )  # fmt: skip
    elevators: Names = ("elevators", "电梯数", "电梯台数", "电梯", "电梯数量", "有无电梯", "是否有电梯")
    lacks_elevator: Names = ("lacks_elevator", "缺电梯", "是否缺电梯", "无电梯", "应装未装电梯")
    basement: Names = ("basement", "地下室", "有无地下室", "是否有地下室")
    low_lying: Names = ("low_lying", "低洼", "是否低洼", "低洼院落", "易积水", "是否易积水")
    reno_year: Names = ("reno_year", "改造年份", "综合整治年份", "最近改造年份", "改造时间", "综合整治时间")
    reno_scope: Names = ("reno_scope", "改造内容", "整治内容", "改造范围")
    roof_waterproof_year: Names = (
        "roof_waterproof_year", "屋面防水年份", "屋面防水翻修年份", "防水年份", "屋面防水时间", "屋顶防水年份",
    )  # fmt: skip
    pipe_year: Names = (
        "pipe_year", "管网年份", "上下水管年份", "管线更新年份", "给排水管年份", "上下水改造年份", "管线改造年份",
    )  # fmt: skip
    pipe_material: Names = ("pipe_material", "管材", "管道材质", "管线材质", "给排水管材质")
    heat_type: Names = ("heat_type", "供暖方式", "供热方式", "采暖方式")
    heat_company: Names = ("heat_company", "供热单位", "供暖单位", "供热公司", "供热企业")
    heat_pipe_year: Names = ("heat_pipe_year", "供热管网年份", "暖气管年份", "供暖管网年份", "供热管线年份")
    end_of_line: Names = ("end_of_line", "供热末端", "是否供热末端", "管网末端", "是否管网末端", "供暖末端")
    tenure: Names = ("tenure", "产权性质", "房屋性质", "房屋类型", "产权类型", "产权")
    tenure_commodity: Names = ("tenure_commodity", "商品房占比", "商品房比例")
    tenure_reform: Names = ("tenure_reform", "房改房占比", "房改房比例")
    tenure_central: Names = ("tenure_central", "央产占比", "央产房占比", "央产比例")
    tenure_military: Names = ("tenure_military", "军产占比", "军产房占比", "军产比例")
    tenure_public: Names = ("tenure_public", "直管公房占比", "公房占比", "直管公房比例")
    tenure_resettled: Names = ("tenure_resettled", "回迁占比", "回迁房占比", "回迁比例")
    tenure_rented: Names = ("tenure_rented", "公租占比", "公租房占比", "公租比例")
    owning_units_n: Names = ("owning_units_n", "产权单位数", "产权单位数量", "产权单位个数")
    mgmt_type: Names = ("mgmt_type", "管理方式", "物业管理方式", "物业类型", "管理类型", "物业管理类型", "管理模式")
    contract_end: Names = (
        "contract_end", "物业合同到期", "物业合同到期日", "物业合同到期日期", "合同到期日", "合同到期时间",
        "物业服务合同到期日",
    )  # fmt: skip
    fee_yuan_m2_month: Names = ("fee_yuan_m2_month", "物业费标准", "物业费", "物业费单价", "物业收费标准")
    fee_collection_rate: Names = ("fee_collection_rate", "物业费收缴率", "收缴率", "收费率", "物业费收费率")
    owners_body: Names = ("owners_body", "业主组织", "业委会", "业委会/物管会", "自治组织", "业委会(物管会)")
    term_end: Names = (
        "term_end", "任期届满", "届满日期", "业委会届满日期", "业委会任期届满", "任期截止", "业委会到期日",
    )  # fmt: skip
    fund_balance: Names = ("fund_balance", "维修资金余额", "专项维修资金余额", "公维金余额")
    fund_initial: Names = ("fund_initial", "首期维修资金", "维修资金首期交存额", "维修资金总额", "公维金首期")
    elderly_share: Names = (
        "elderly_share", "老年人占比", "60岁以上占比", "60岁及以上占比", "老龄人口占比", "老年人口占比",
    )  # fmt: skip
    rental_share: Names = ("rental_share", "出租占比", "出租户占比", "租户占比", "出租率")
    repeat_share: Names = ("repeat_share", "重复诉求占比", "重复诉求率", "重复率", "重复投诉占比")
    leak_points: Names = ("leak_points", "漏点数", "漏雨点数", "上季漏点", "去年漏点", "漏雨户数", "去年漏雨户数")
    cold_points: Names = ("cold_points", "不热点数", "不热户数", "上季不热户", "去年不热户数", "室温不达标户数")
    unresolved_rate: Names = ("unresolved_rate", "未解决率", "未解决占比", "诉求未解决率")
    as_of: Names = ("as_of", "数据日期", "更新日期", "统计日期", "截止日期", "更新时间", "填报日期")
    source: Names = ("source", "来源", "数据来源", "填报单位")

    @model_validator(mode="after")
    def _nothing_protected(self) -> "EstateColumns":
        headers = [header for field in EstateColumns.model_fields for header in getattr(self, field)]
        if refused := [header for header in headers if is_protected(header)]:
            raise ValueError(f"protected attributes are never read: {', '.join(refused)}")
        return self


class HistoryColumn(Spec):
    """A ledger column that holds the incidents of a whole calendar year in one category."""

    column: str = Field(min_length=1)
    category: str = Field(min_length=1)
    year: int = Field(ge=1990, le=2100)


class EstateSource(Spec):
    """Where a ledger stands and how it is read: CSV, Excel (its `sheet`) or Parquet; header on line `header_row`.

    `header_row` auto: of the first 20 lines the one that names most fields. `id_from`: headers whose texts
    together name an estate, for a ledger without ids; else the name and the first area text do. `coord_crs`: what
    lon and lat are measured in where the row does not say. `money_unit` of the funds where neither cell nor header
    says: yuan, or wan (万元). `city_bbox`: west, south, east, north in WGS-84 degrees; points outside are refused.
    `as_of` (YYYY-MM-DD) and `said_by`: of when and from whom the figures are where the row does not say; `said_by`
    is the file unless given.
    """

    path: str
    encoding: Literal["auto", "utf-8", "gb18030"] = "auto"
    sheet: int | str = 0
    header_row: int | Literal["auto"] = "auto"
    columns: EstateColumns = EstateColumns()
    id_from: Names = ()
    history: tuple[HistoryColumn, ...] = ()
    coord_crs: Crs = "WGS-84"
    money_unit: Literal["yuan", "wan"] = "yuan"
    city_bbox: tuple[float, float, float, float] | None = None
    as_of: str | None = Field(None, pattern=r"^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$")
    said_by: str = ""

    @field_validator("header_row")
    @classmethod
    def _counts_from_1(cls, line: int | str) -> int | str:
        if isinstance(line, int) and line < 1:
            raise ValueError("lines count from 1")
        return line

    @field_validator("city_bbox")
    @classmethod
    def _has_an_inside(cls, box: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if box is not None and not (-180 <= box[0] < box[2] <= 180 and -90 <= box[1] < box[3] <= 90):
            raise ValueError("must be west, south, east, north in degrees, west < east and south < north")
        return box


class Matching(Spec):
    """How names of estates in orders and in further ledgers find an estate.

    Names that are the same once width, blanks, punctuation, numerals and words such as 小区 are evened out match by
    themselves. Of the rest, names at least `alike` (0..1, letters in common) are only written to the `review` file,
    `candidates` each, and stay apart until it says `same`. `review` is relative to the workspace; empty = beside
    the first ledger.
    """

    alike: float = Field(0.7, ge=0.5, le=1)
    candidates: int = Field(3, ge=1, le=10)
    review: str = ""
