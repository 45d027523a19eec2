"""Display of estimators in notebooks: a fitted estimator shows its page."""

from typing import Any


class NotebookMixin:
    """Mixin for notebooks: fitted estimators show their page, others what scikit-learn shows."""

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        """The representations from which IPython chooses."""
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options)  # type: ignore[misc]
        if self._has_page and "text/html" in bundle:
            bundle["text/html"] = self._page_in_notebook()
        return bundle

    @property
    def _repr_html_(self) -> Any:
        """The same for notebooks that don't support bundles."""
        return self._page_in_notebook if self._has_page else super()._repr_html_  # type: ignore[misc]

    @property
    def _has_page(self) -> bool:
        scheme = getattr(self, "scheme_", None)
        return scheme is not None and not scheme.is_empty

    def _page_in_notebook(self) -> str:
        from distributed_ib.estimators.table_page import estimator_in_notebook

        return estimator_in_notebook(self)  # type: ignore[arg-type]
