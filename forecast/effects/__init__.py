"""Panel + what was done where and when -> Effects and EventStudy. One file an estimator; the rules are shared."""
