"""Mistakes with files: each is refused by name and teaches."""

from refusals import mistakes

from nnfw import Dense, LoadError, Network

# fmt: off
MISTAKES = [
    ("no such file", lambda s: Network.load(s.folder / "none.npz"),
     FileNotFoundError, "none.npz", "No such file"),
    ("a folder", lambda s: Network.load(s.folder), LoadError, "only a file", "this is a folder"),
    ("a file of something else", lambda s: Network.load(s.broken("text")), LoadError, "broken.npz", "nnfw"),
    ("loaded into a network", lambda s: s.network.load(s.folder / "none.nnfw"),
     TypeError, "load returns a new Network", "network = Network.load("),
    ("loaded with Keras's word", lambda s: Network.load(s.folder / "none.nnfw", custom_objects={}),
     TypeError, "load has no argument 'custom_objects'", "Did you mean 'custom'? It takes: path, custom."),
    ("loaded with a third", lambda s: Network.load(s.folder / "none.nnfw", {}, False),
     TypeError, "load takes path, custom by position", "name"),
    ("a number to save as", lambda s: s.network.save(3), TypeError, "save: path must be", "got 3"),
    ("an empty file", lambda s: Network.load(s.broken("")),
     LoadError, "broken.npz", "a file of another kind"),
    ("no folder to save in", lambda s: s.network.save(s.folder / "no" / "network.npz"),
     FileNotFoundError, "no such folder", "create it first"),
    ("a folder to save as", lambda s: s.network.save(s.folder),
     OSError, "only a file can be replaced", "give the path"),
    ("a picture of nothing", lambda s: Network([Dense(1)]).history.plot(s.folder / "curves.png"),
     ValueError, "history", "fit"),
    ("a picture of an unknown kind", lambda s: s.network.history.plot(s.folder / "curves.xyz"),
     ValueError, "xyz", "png"),
    ("a table where there is no folder", lambda s: s.network.history.to_csv(s.folder / "no" / "h.csv"),
     FileNotFoundError, "no such folder", "h.csv"),
]
# fmt: on


@mistakes(MISTAKES)
def test_mistakes_are_refused_and_leave_nothing_behind(make, error, said, scene):
    scene.refuses(make, error, said)
