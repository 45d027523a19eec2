"""How the relation of structure and rearrangement is opened: all choices, and two sets of them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from distributed_ib.errors import UserError
from distributed_ib.training.schedule import BetaSchedule


@dataclass(frozen=True)
class GlassSettings:
    """How a glass is analysed.

    Attributes:
        beta_start: Bottleneck strength while the relation is first learned.
        beta_end: Strength at the end of the sweep.
        n_steps: Training steps while beta rises.
        n_pretraining_steps: Steps before that.
        batch_size: Examples in a batch, drawn at random.
        learning_rate: Adam's.
        encoder_hidden: Widths of the layers of the encoder that all shells share.
        embedding_dim: Dimensions of each shell's channel.
        predictor_hidden: Widths of the predictor's layers.
        n_frequencies: Sines of rising frequency beside each density (positional encoding).
        validation_fraction: Share of the examples held out, whole samples at a time; only where
            the data do not bring a split of their own.
        n_snapshots: Models kept along the sweep.
    """

    beta_start: float
    beta_end: float
    n_steps: int
    n_pretraining_steps: int
    batch_size: int
    learning_rate: float
    encoder_hidden: tuple[int, ...]
    embedding_dim: int
    predictor_hidden: tuple[int, ...]
    n_frequencies: int
    validation_fraction: float
    n_snapshots: int

    def __post_init__(self) -> None:
        """Refuse a schedule or a split that can't be, before anything is begun."""
        _ = self.schedule
        if not 0 < self.validation_fraction < 1:
            raise UserError(
                "the validation fraction must lie between 0 and 1, not "
                f"{self.validation_fraction:g}."
            )

    @property
    def schedule(self) -> BetaSchedule:
        """How beta rises."""
        return BetaSchedule(self.beta_start, self.beta_end, self.n_steps, self.n_pretraining_steps)

    def to_toml(self) -> dict[str, Any]:
        """All settings as TOML values."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }


PRESETS: Mapping[str, GlassSettings] = {
    # Small networks without sines: with some thousand examples larger ones learn them by heart, and
    # tell less of those held out.
    "quick": GlassSettings(
        beta_start=1e-4,
        beta_end=1.0,
        n_steps=8_000,
        n_pretraining_steps=500,
        batch_size=128,
        learning_rate=1e-3,
        encoder_hidden=(32,),
        embedding_dim=4,
        predictor_hidden=(16,),
        n_frequencies=0,
        validation_fraction=0.2,
        n_snapshots=100,
    ),
    # The paper's own, from its Appendix A; 0.3 s a step on two cores, so better on a GPU.
    "paper": GlassSettings(
        beta_start=1e-6,
        beta_end=2.0,
        n_steps=30_000,
        n_pretraining_steps=2_000,
        batch_size=512,
        learning_rate=3e-4,
        encoder_hidden=(256, 256, 256),
        embedding_dim=64,
        predictor_hidden=(256, 256, 256),
        n_frequencies=4,
        validation_fraction=0.1,
        n_snapshots=50,
    ),
}
