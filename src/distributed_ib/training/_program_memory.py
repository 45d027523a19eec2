"""Limits the memory regions of compiled programs, whose number Linux restricts per process."""

from pathlib import Path

import jax

_REGIONS, _MOST_REGIONS = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")
# A fit takes about a thousand regions, so the remaining half is enough for it.
_SHARE = 0.5


def clear_programs(share: float = _SHARE) -> bool:
    """Discard compiled programs if memory regions exceed a share of the number that is allowed.

    A process that fits many tables of different shapes keeps the programs of all of them. Above the
    limit, 65,530 by default, it would end with a segmentation fault. Programs that are needed again
    are compiled again. On systems other than Linux, nothing is done.

    Args:
        share: Share of the allowed number of regions.

    Returns:
        Whether programs were discarded.

    Example:
        >>> clear_programs(1.0)
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
