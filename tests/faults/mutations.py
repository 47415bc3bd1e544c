"""Good files and messages made bad, a little or much."""

import json

ODD_VALUES = [
    None, True, False, 0, -1, 1, 255, 256, 2**31, 2**63, -(2**63), 10**400, 0.5, -0.0, 1e308,
    1e-300, float('nan'), float('inf'), float('-inf'), '', ' ', 'a', 'a' * 5000, '\0', '\ud800',
    '../../x', '/etc/passwd', '%s', [], {}, [[]], [None], [{}], {'': 0}, {'a': {}}, [0] * 1000,
    '1e5',
]  # fmt: skip


def mutate_json(rng, value, times=None):
    """A copy of a JSON value with some of its parts replaced, removed or repeated."""
    value = json.loads(json.dumps(value))
    for _ in range(times or rng.choice([1, 1, 1, 2, 4])):
        places = list(_places(value))
        if not places:
            return rng.choice(ODD_VALUES)
        owner, key = rng.choice(places)
        change = rng.random()
        if change < 0.65:
            owner[key] = rng.choice(ODD_VALUES)
        elif change < 0.8:
            del owner[key]
        elif change < 0.9 and isinstance(owner, list):
            owner.insert(key, owner[key])
        elif isinstance(owner[key], str):
            owner[key] = mutate_bytes(rng, owner[key].encode()).decode('latin-1')
        else:
            other, there = rng.choice(places)
            owner[key] = json.loads(json.dumps(other[there]))
    return value


def mutate_bytes(rng, content):
    """A copy of some bytes that were damaged in one of the usual ways."""
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(content) + 1)
        change = rng.randrange(7)
        if change == 0:
            del content[at:]
        elif change == 1:
            del content[at : at + rng.randrange(1, 40)]
        elif change == 2:
            content[at : at + 1] = rng.randbytes(1)
        elif change == 3:
            value = rng.choice([0, 1, 0x7F, 0x80, 0xFF]) if rng.random() < 0.5 else None
            word = rng.randbytes(4) if value is None else bytes([value]) * 4
            content[at : at + 4] = word
        elif change == 4:
            content[at:at] = rng.randbytes(rng.randrange(1, 40))
        elif change == 5:
            other = rng.randrange(len(content) + 1)
            content[at:at] = content[other : other + rng.randrange(1, 200)]
        else:
            content[at : at + 8] = bytes(8)
    return bytes(content)


def _places(value):
    """Every (list or mapping, index or key) in a JSON value."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    if isinstance(value, dict | list):
        for key in keys:
            yield value, key
            if isinstance(value[key], dict | list):
                yield from _places(value[key])
