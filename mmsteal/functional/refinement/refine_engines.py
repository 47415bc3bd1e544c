"""The engines of refinement, and the options that choose one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from mmsteal.functional.alignment.align_options import REFINE_OPTIONS, AlignOptions
from mmsteal.functional.refinement.geodesic_labelling import GeodesicOptions

if TYPE_CHECKING:
    from mmsteal.functional.joint.joint_labelling import JointOptions

Engine = Literal['joint', 'level_set', 'geodesic']
EngineOptions: TypeAlias = 'JointOptions | AlignOptions | GeodesicOptions'

ENGINES: tuple[Engine, ...] = get_args(Engine)


def default_options(engine: Engine) -> EngineOptions:
    """The options of an engine, unless told otherwise."""
    if engine == 'level_set':
        return REFINE_OPTIONS
    if engine == 'geodesic':
        return GeodesicOptions()
    # What it needs takes a while to import.
    from mmsteal.functional.joint.joint_labelling import JointOptions

    return JointOptions()


def engine_options(
    engine: Engine | None = None,
    options: EngineOptions | None = None,
    *,
    has_image: bool = True,
) -> EngineOptions:
    """The options of the engine that the arguments ask for.

    The type of the options decides; without options it is the engine by name; without both the
    joint labelling where there is an image, otherwise the level sets.

    Args:
        engine: 'joint', 'level_set' or 'geodesic'; None: what the options are of.
        options: Options of one engine; None: its defaults.
        has_image: Whether there is an image to label by.

    Raises:
        TypeError: If `options` are of no engine.
        ValueError: If there is no such engine, or the options are those of another one.

    Example:
        >>> type(engine_options('level_set')).__name__, type(engine_options()).__name__
        ('AlignOptions', 'JointOptions')
    """
    if engine is not None and engine not in ENGINES:
        raise ValueError(
            f'Expected argument `engine` to be one of {", ".join(ENGINES)}, but got {engine!r}.'
        )
    if options is None:
        return default_options(engine or ('joint' if has_image else 'level_set'))
    found = engine_of(options)
    if engine is not None and engine != found:
        kind = type(default_options(engine)).__name__
        raise ValueError(
            f'Expected argument `options` to be {kind}, those of the engine {engine!r}, but got '
            f'{type(options).__name__}; pass the options of one engine, or engine={found!r}.'
        )
    return options


def engine_of(options: Any) -> Engine:
    """The engine that options are of.

    Raises:
        TypeError: If they are of none.

    Example:
        >>> engine_of(GeodesicOptions())
        'geodesic'
    """
    if isinstance(options, AlignOptions):
        return 'level_set'
    if isinstance(options, GeodesicOptions):
        return 'geodesic'
    kinds = [type(default_options(engine)) for engine in ENGINES]
    if isinstance(options, kinds[0]):
        return 'joint'
    raise TypeError(
        f'Expected argument `options` to be one of '
        f'{", ".join(kind.__name__ for kind in kinds)}, but got {type(options).__name__}.'
    )
