"""Family of models: one file a kind, each a Spec and a `predict`; `catalogue` knows them all."""
