"""What commands print of problems."""

from mmsteal.cli.user_errors import tell_problems


def test_the_first_problems_are_told_and_the_rest_counted(capsys):
    tell_problems('ERROR', {'a': 'damaged', 'b': 'missing'}, more='see report.json')
    assert capsys.readouterr().err == 'ERROR a: damaged\nERROR b: missing\n'
    tell_problems('ERROR', {str(i): 'damaged' for i in range(21)}, more='see report.json')
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 21
    assert lines[-1] == 'ERROR ... 21 in all, see report.json'
    tell_problems('not compared:', {str(i): 'damaged' for i in range(21)})
    assert capsys.readouterr().err.splitlines()[-1] == 'not compared: ... 21 in all'
