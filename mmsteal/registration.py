"""How the mm stack learns of mmsteal, although `import mmsteal` does not load the stack.

A config says `custom_imports = dict(imports=['mmsteal'])`, a worker or a notebook `import mmsteal`,
and from then on mmseg builds the classes of mmsteal by name. But `import mmsteal.functional` runs
`mmsteal/__init__` as well, and there the stack would cost seconds, or be missing: somebody may want
no more than a loss. So two modules of the stack are awaited, and told what they need to know when
they are imported, or at once if they have been:

- `mmengine.config`: the bases `mmseg::...` and `mmsteal::...`, see :mod:`mmsteal.compat`;
- `mmseg.registry`: :mod:`mmsteal.registered` as one more place to look for names. mmengine imports
  such places when a name is looked up for the first time, and finds mmseg's own classes like that.
"""

from types import ModuleType

from wrapt import register_post_import_hook

# mmseg's registries in which mmsteal has classes.
REGISTRIES = (
    'DATASETS', 'DATA_SAMPLERS', 'HOOKS', 'METRICS', 'MODELS', 'OPTIM_WRAPPERS', 'TRANSFORMS',
    'VISUALIZERS',
)  # fmt: skip
PLACE = 'mmsteal.registered'


def await_mm_stack() -> None:
    """See to it that the stack is told when it is imported."""
    register_post_import_hook('mmsteal.compat:enable_bases', 'mmengine.config')
    register_post_import_hook(add_place, 'mmseg.registry')


def add_place(registry: ModuleType) -> None:
    """Let the registries of mmseg look for names in mmsteal, too.

    Args:
        registry (ModuleType): `mmseg.registry`.
    """
    for name in REGISTRIES:
        found = getattr(registry, name)
        # First, so that the stack is loaded by us: quietly and repaired.
        found._locations = [PLACE, *found._locations]
        # Names may have been looked up before.
        found._imported = False
