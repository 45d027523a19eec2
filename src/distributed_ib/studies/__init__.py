"""The paper's systems, each a thin user of the public interface."""
