"""What there is no room for on the emergency screen is counted, whatever it is."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.viewer.fitting import fit
from gateway.viewer.headings import Head, Heard, HolderCard, State
from gateway.viewer.shapes import Block, Cluster, Row

texts = st.text(max_size=400)
rows = st.builds(
    Row, number=st.integers(0, 9999), what=texts, value=texts, when=texts, sources=st.lists(texts, max_size=3).map(tuple),
    extra=st.lists(st.tuples(texts, texts), max_size=3).map(tuple), is_late=st.booleans(),
)  # fmt: skip
sides = st.lists(st.lists(rows, min_size=1, max_size=2).map(tuple), min_size=1, max_size=6).map(tuple)
clusters = st.builds(Cluster, kind=st.sampled_from(["single", "same", "conflict"]), standing=st.just("valid"), sides=sides)
names = st.sampled_from(["wishes", "people", "kidney", "allergies", "blood-thinners", "medication", "problems", "implants"])
blocks = st.builds(Block, key=names, title=texts, path=st.just("/"), clusters=st.lists(clusters, max_size=12).map(tuple), more=st.integers(0, 9))
cards = st.builds(HolderCard, name=st.just("x"), title=texts, kind=st.just(""), state=st.just(State.GAP), short=texts, telephone=texts, last_heard=texts)


@given(st.lists(st.lists(blocks, max_size=3), max_size=3), st.lists(cards, max_size=12))
def test_nothing_is_left_out_without_being_counted(columns: list[list[Block]], gaps: list[HolderCard]) -> None:
    head = Head("/", "", None, "", Heard(gaps=tuple(gaps)), ())
    fitted, shown = fit(head, columns)

    assert len(fitted.heard.gaps) + fitted.heard.more_gaps == len(gaps)
    for column, there in zip(columns, shown, strict=True):
        for before, after in zip(column, there, strict=True):
            assert len(after.clusters) + after.more == len(before.clusters) + before.more
            kept = {cluster.rows[0].number for cluster in after.clusters}
            assert kept <= {cluster.rows[0].number for cluster in before.clusters}
            for cluster in after.clusters:
                whole = next(one for one in before.clusters if one.rows[0].number == cluster.rows[0].number and one.kind == cluster.kind)
                assert cluster.kind != "conflict" or len(cluster.sides) >= min(2, len(whole.sides))


@given(rows, st.integers(20, 200))
def test_a_text_that_is_cut_says_so(row: Row, most: int) -> None:
    cut = row.cut(most)

    assert cut.is_cut == ((cut.what, cut.value, cut.extra) != (row.what, row.value, row.extra))
