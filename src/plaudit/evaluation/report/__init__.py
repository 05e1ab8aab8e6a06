"""The report: an audit's record as a page and as a model card. Both read the record and nothing else."""
