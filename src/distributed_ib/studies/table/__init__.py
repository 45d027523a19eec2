"""A user's own table: a column explained by the others."""

from distributed_ib.studies.table.table_study import TableStudy as TableStudy
