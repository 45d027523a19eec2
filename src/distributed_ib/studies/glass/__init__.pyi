"""The public names of the glass study, listed once: for type checkers, and for `__init__.py`."""

from .glass_sources import load_glass as load_glass
from .glass_study import GlassStudy as GlassStudy
from .glass_tables import GlassData as GlassData
from .glass_tables import load_table as load_table
from .glass_tables import packaged_data as packaged_data
from .glass_tables import save_table as save_table
from .neighbourhoods import Neighbourhoods as Neighbourhoods
from .structure_functions import RadialDistribution as RadialDistribution
