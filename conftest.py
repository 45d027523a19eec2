"""How doctests are compiled."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def examples_compile_quickly(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compile examples without optimising, except at night, when they run as a user runs them."""
    config = request.config
    is_example = request.path.is_relative_to(config.rootpath / "src")
    if is_example and "not nightly" in config.option.markexpr:
        from quick_compilation import compiled_quickly  # in tests/, which pytest finds by then

        with compiled_quickly():
            yield
    else:
        yield
