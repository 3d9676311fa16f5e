"""The bar for rows: it comes when something is done, and one at a time."""

from skal._progress import rows_shown


def test_a_bar_comes_with_its_first_move(capsys):
    with rows_shown(30, 0, verbose=1):
        pass
    assert capsys.readouterr().out == ""
    with rows_shown(30, 0, verbose=0) as show:
        show(30)
    assert capsys.readouterr().out == ""
    with rows_shown(30, 0, verbose=1) as show:
        show(10)
        show(30)
    assert "30 rows" in capsys.readouterr().out


def test_a_bar_inside_another_leaves_it_alone(capsys):
    with rows_shown(30, 0, verbose=1) as outer:
        outer(10)
        with rows_shown(5, 0, verbose=1) as inner:
            inner(5)
        outer(30)
    assert "30 rows" in capsys.readouterr().out
