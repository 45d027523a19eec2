"""Compiled programs take memory regions, of which Linux allows a process only so many."""

from pathlib import Path

import jax

_REGIONS, _MOST_REGIONS = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")
# A fit takes about a thousand, so that hundreds fit into the rest.
_SHARE = 0.5


def forget_programs(share: float = _SHARE) -> bool:
    """Forget compiled programs where they take more than a share of the regions that are allowed.

    A process that fits many tables, each of its own shape, keeps the programs of all of them. Past
    the limit, 65,530 by default, it would end in a segmentation fault. What is needed again is
    compiled again. Elsewhere than on Linux nothing is done.

    Args:
        share: Of the regions that are allowed.

    Returns:
        Whether programs were forgotten.

    Example:
        >>> forget_programs(1.0)
        False
    """
    try:
        most = int(_MOST_REGIONS.read_text("ascii"))
        with _REGIONS.open("rb") as regions:
            n_regions = sum(1 for _ in regions)
    except (OSError, ValueError):
        return False
    if n_regions <= share * most:
        return False
    jax.clear_caches()
    return True
