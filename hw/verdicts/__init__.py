"""Verdicts: what a document publishes, claim by claim, against what was computed.

What a claim can be found to be (`Verdict`):

=================  ===============================================================================
``exact``          a number that equals the printed digits: ours rounds to them
``close``          a number inside its band
``differs``        a number outside its band, or a statement that was found false
``holds``          a statement that was found true, a number inside its printed range
``erratum``        the document is wrong, and this is how we know
``slip``           a letter, an index or a unit of the document is off; its argument survives
``unmet``          the task asks for something that the document does not do
``supported``      a conclusion that the results bear out beyond their own noise
``not supported``  a conclusion that lies within the noise, one way or the other
``contradicted``   a conclusion whose opposite the results bear out beyond their own noise
``other data``     would be ``differs`` or ``contradicted``, but the data are not the published file
``stand-in``       the results are of synthetic data: never judged
``not run``        there are no results of the question as configured
=================  ===============================================================================

Modules: `statistics`, each with its source; `evidence` is what a results folder holds, and
`calibration` the spread over seeds: the user's own, or the one that `shipped` reads; `one_start`
is what of it is chaos. `judge` goes claim by claim, with `numbers`, `orders` and `curves` for the
sorts of claim, and makes a `finding`; `instead` says what to believe where seeds do not bear one
out. `plausible` judges a student's own number, with `hints` for one that is not; `spread` makes
figures.

Conventions: a band is two-sided. Numbers are judged at 99 %: some sixty of them are judged at
once, and at 95 % three of a faithful reproduction would differ by chance alone. Conclusions are
judged at 95 %: one is contradicted only where its opposite is borne out.

docs/verdicts.md tells users the same with examples.
"""

from hw.verdicts.evidence import Evidence, gather
from hw.verdicts.finding import CONTRADICTIONS, Judgement, Verdict
from hw.verdicts.judge import judge, judge_all

__all__ = [
    "CONTRADICTIONS",
    "Evidence",
    "Judgement",
    "Verdict",
    "gather",
    "judge",
    "judge_all",
]
