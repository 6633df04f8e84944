"""The erasure of one person from every store of a system: what is looked at, what is cut out, what stays.

Everything but `objects`, `stores` and `run` is pure: files in, files out. A run that is killed anywhere is
simply run again, because each step finds by itself what is left to do.

Source: Regulation (EU) 2016/679, articles 12(3), 17 and 19; SageMaker developer guide, "Delete records from
your feature groups".
"""
