"""The calibrations that come with hw: packed from the folders of seeds, read, and used."""

from __future__ import annotations

import gzip
import importlib.util
import json
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import CommandLine
from written_results import OTHER, PUBLISHED, STAND_IN, calibrate, curve, outcome, write

from hw.config import catalog
from hw.errors import HwError
from hw.results.folder import Folder
from hw.results.outcome import Outcome
from hw.verdicts import Verdict, calibration, gather, judge_all, one_start, shipped
from hw.verdicts.statistics import deviation, student_factor

ID = "ist2024.q1.logistic_regression"
ELSEWHERE = {**OTHER, "sha256": "1" * 64}
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {"packages": {"numpy": "2.4.6", "torch": "2.13.0", "matplotlib": "3"}}


def runs(plain: float, l2: float) -> dict[str, Outcome]:
    def one(value: float) -> Outcome:
        values = [value + 0.004 * ((7 * t) % 5 - 2) / 2 + 1 / 3e5 for t in range(20)]
        return outcome({"test_accuracy": value, "weight_norm": 10 * value}, curve(values))

    return {"plain": one(plain), "l2": one(l2)}


SEEDS = {s: runs(0.46 + 0.003 * s, 0.47 - 0.002 * s) for s in range(1, 7)}


def write_seed(
    results: Path,
    seed: int,
    outcomes: dict[str, Outcome],
    name: str = ID,
    data: dict[str, str] = PUBLISHED,
    status: str = "done",
    **config: Any,
) -> None:
    """The folder that ``hw run --seed`` leaves."""
    question = catalog.find(name)
    entry = {v: {"epoch_seconds": [9.0, 0.5, 0.5]} for v in outcomes}
    folder = write(results, name, outcomes, data, f"{question.name}@{seed:08x}", **entry)
    variants = {v: {**question.configured(v), "seed": seed} for v in outcomes}
    folder.write_outcomes(outcomes, {"variants": variants, **config})
    run = folder.read().run
    folder.write_run(replace(run, status=status, environment=ENVIRONMENT))


@pytest.fixture
def ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shipped_calibrations: None) -> Any:
    """Packs seeds as if they came with hw: ``ships(SEEDS, data)`` returns the file."""
    seeds_of = tmp_path / "seeds"
    monkeypatch.setattr(shipped, "path_of", lambda q: tmp_path / "calibrations" / f"{q.id}.json.gz")

    def ship(seeds: dict[int, dict[str, Outcome]] = SEEDS, data: Any = PUBLISHED) -> Path:
        for seed, outcomes in seeds.items():
            write_seed(seeds_of, seed, outcomes, data=data)
        question = catalog.find(ID)
        shipped.write(
            shipped.path_of(question), shipped.pack(question, shipped.find(question, [seeds_of]))
        )
        return shipped.path_of(question)

    return ship


class TestPacking:
    def test_every_number_of_every_seed_is_there(self, ships: Any) -> None:
        ships()
        found = shipped.read(catalog.find(ID))
        assert found is not None
        assert found.shipped
        assert found.seeds == (1, 2, 3, 4, 5, 6)
        assert found.data == PUBLISHED
        assert found.versions == {"numpy": "2.4.6"}
        assert set(found.seconds["l2"].values()) == {0.5}
        for seed, outcomes in SEEDS.items():
            for variant, one in outcomes.items():
                packed = found.outcomes[seed][variant]
                assert packed.metrics == pytest.approx(one.metrics, rel=1e-5)
                assert packed.history.keys() == one.history.keys()
                for metric, values in one.history.items():
                    assert packed.history[metric] == pytest.approx(values, rel=1e-5)
                ends = statistics.fmean(one.history["validation_accuracy"][-10:])
                mine = found.ends(variant, "validation_accuracy")[seed]
                assert mine == pytest.approx(ends, rel=1e-5)

    def test_the_same_seeds_give_the_same_bytes(self, ships: Any) -> None:
        first = ships().read_bytes()
        assert ships().read_bytes() == first
        assert b"/" not in gzip.decompress(first)  # no path of this machine

    def test_the_configured_seed_counts_and_other_runs_do_not(self, tmp_path: Path) -> None:
        question = catalog.find(ID)
        write(tmp_path, ID, SEEDS[1])
        for seed in (1, 2):
            write_seed(tmp_path, seed, SEEDS[seed])
        write_seed(tmp_path, 3, SEEDS[3], data=STAND_IN)
        write_seed(tmp_path, 4, SEEDS[4], status="interrupted")
        write_seed(tmp_path, 5, SEEDS[5], backend="torch")
        write_seed(tmp_path, 6, {"plain": SEEDS[6]["plain"]})
        folder = write(tmp_path, ID, SEEDS[1], folder=f"{question.name}@ffffffff")
        changed = {v: {**question.configured(v), "epochs": 3, "seed": 7} for v in SEEDS[1]}
        folder.write_outcomes(SEEDS[1], {"variants": changed})
        assert [one.seed for one in shipped.find(question, [tmp_path])] == [1, 2, 42]

    def test_how_pytorch_makes_an_update_is_nothing_to_numpy(self, tmp_path: Path) -> None:
        question = catalog.find(ID)
        write_seed(tmp_path, 1, SEEDS[1])
        folder = Folder(tmp_path / "ist2024" / f"{question.name}@00000001")
        variants = {v: {**s, "step": "direct"} for v, s in folder.read().config.variants.items()}
        folder.write_outcomes(SEEDS[1], {"variants": variants})
        (one,) = shipped.find(question, [tmp_path])
        packed = shipped.pack(question, [one])
        assert packed["steps"] == []
        assert "step" not in packed["settings"]["plain"]

    def test_the_first_folder_that_has_a_seed_counts(self, tmp_path: Path) -> None:
        write_seed(tmp_path / "a", 1, SEEDS[1])
        for seed in (1, 2):
            write_seed(tmp_path / "b", seed, SEEDS[3])
        found = shipped.find(catalog.find(ID), [tmp_path / "a", tmp_path / "b"])
        assert [one.results.outcomes["plain"].metrics for one in found] == [
            SEEDS[1]["plain"].metrics,
            SEEDS[3]["plain"].metrics,
        ]

    def test_seeds_of_different_data_are_no_calibration(self, tmp_path: Path) -> None:
        write_seed(tmp_path, 1, SEEDS[1])
        write_seed(tmp_path, 2, SEEDS[2], data=OTHER)
        question = catalog.find(ID)
        with pytest.raises(HwError, match="different data"):
            shipped.pack(question, shipped.find(question, [tmp_path]))

    def test_seeds_that_end_apart(self, ships: Any) -> None:
        """One diverged, one stopped early: each keeps its own length, and its own numbers."""
        short = outcome(history=curve([0.1, 0.2, 0.3]))
        short.metrics |= {"diverged": 1, "diverged_epoch": 4}
        gone = outcome({"diverged": 1, "diverged_epoch": 1})
        ships({**SEEDS, 1: {**SEEDS[1], "l2": short}, 2: {**SEEDS[2], "l2": gone}})
        found = shipped.read(catalog.find(ID))
        assert found is not None
        assert found.outcomes[1]["l2"].history == {
            "epoch": [1, 2, 3],
            "validation_accuracy": [0.1, 0.2, 0.3],
        }
        assert found.outcomes[2]["l2"].diverged
        assert found.outcomes[2]["l2"].history == {}
        assert sorted(found.of("l2", "test_accuracy")) == [3, 4, 5, 6]
        assert len(found.outcomes[3]["l2"].history["epoch"]) == 20

    @pytest.mark.parametrize("count", [1, 9, 10, 11, 400, 401, 1500, 1501])
    def test_long_curves_are_thinned_but_for_their_end(self, count: int) -> None:
        kept = shipped.kept(count)
        assert kept == sorted(set(kept))
        assert kept[0] == 1
        assert kept[-10:] == list(range(max(1, count - 9), count + 1))
        assert len(kept) == count if count <= shipped.WHOLE else len(kept) < 215


def test_pytorch_seeds_may_have_made_their_updates_either_way(tmp_path: Path) -> None:
    question = catalog.find("q2.logistic_regression")
    for seed, step in ((1, "direct"), (2, "autograd")):
        outcomes = dict.fromkeys(question.variants, SEEDS[seed]["plain"])
        write_seed(tmp_path, seed, outcomes, question.id)
        configured = {v: question.configured(v) for v in outcomes}
        other = {v: {**c, "seed": seed, "step": step} for v, c in configured.items()}
        Folder(question.folder(tmp_path).with_name(f"{question.name}@{seed:08x}")).write_outcomes(
            outcomes, {"variants": other}
        )
    seeds = shipped.find(question, [tmp_path])
    assert [one.seed for one in seeds] == [1, 2]
    packed = shipped.pack(question, seeds)
    assert packed["steps"] == ["autograd", "direct"]
    # Only autograd's take the time that the run as configured takes.
    assert packed["variants"]["lr-0.1"]["seconds"] == [None, 0.5]
    found = shipped._unpack(question, packed)
    assert found is not None
    assert "--step direct" in found.origin()


def test_runs_from_one_start_travel_too(ships: Any, tmp_path: Path) -> None:
    question = catalog.find(ID)
    values = calibration.values_of(["plain", "l2"], {k: runs(0.46 + k / 1e4, 0.5) for k in (1, 2)})
    one_start.write(tmp_path / "ist2024" / question.name, question, PUBLISHED, values)
    for seed, outcomes in SEEDS.items():
        write_seed(tmp_path, seed, outcomes)
    seeds = shipped.find(question, [tmp_path])
    shipped.write(shipped.path_of(question), shipped.pack(question, seeds, [tmp_path]))
    found = shipped.read(question)
    assert found is not None
    told = one_start.chaos(found, "plain", "test_accuracy")
    assert told is not None
    over_seeds = statistics.variance(o["plain"].metrics["test_accuracy"] for o in SEEDS.values())
    assert told.share == pytest.approx(statistics.variance([0.4601, 0.4602]) / over_seeds, rel=1e-3)
    assert told.low < told.share < told.high <= 1
    # On other data, or of other settings, they are of another experiment.
    assert shipped.find_one_start(question, [tmp_path], PUBLISHED) is not None
    assert shipped.find_one_start(question, [tmp_path], OTHER) is None


class TestTool:
    def test_one_command_packs_what_is_there(
        self, tmp_path: Path, ships: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = ROOT / "tools" / "pack_calibrations.py"
        spec = importlib.util.spec_from_file_location("pack_calibrations", path)
        assert spec is not None
        assert spec.loader is not None
        tool = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tool)
        for seed in range(1, 5):
            write_seed(tmp_path / "runs", seed, SEEDS[seed])
        assert tool.main([tmp_path / "runs"], ["ist2024.*"]) == 0
        assert "too few" in capsys.readouterr().out
        write_seed(tmp_path / "runs", 5, SEEDS[5])
        assert tool.main([tmp_path / "runs"], ["ist2024.*"]) == 0
        row = next(r for r in capsys.readouterr().out.splitlines() if r.startswith(ID))
        assert row.split()[1] == "1..5"
        found = shipped.read(catalog.find(ID))
        assert found is not None
        assert found.seeds == (1, 2, 3, 4, 5)
        write_seed(tmp_path / "runs", 6, SEEDS[6], data=OTHER)
        assert tool.main([tmp_path / "runs"], [ID]) == 1


class TestReading:
    def test_there_is_none(self) -> None:
        assert shipped.read(catalog.find(ID)) is None

    def test_variants_of_other_settings_are_left_out(self, ships: Any) -> None:
        path = ships()
        document = json.loads(gzip.decompress(path.read_bytes()))
        document["settings"]["l2"]["l2_penalty"] = 0.5
        shipped.write(path, document)
        found = shipped.read(catalog.find(ID))
        assert found is not None
        assert set(found.values) == {"plain"}
        document["settings"]["plain"]["epochs"] = 3
        shipped.write(path, document)
        assert shipped.read(catalog.find(ID)) is None

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"not gzip",
            gzip.compress(b"{"),
            gzip.compress(b"[]"),
            gzip.compress(b"null"),
            gzip.compress(b"[" * 99999),
            gzip.compress(json.dumps({"question": ID, "backend": "numpy"}).encode()),
            gzip.compress(b"{}" * 100)[:-9],
        ],
    )
    def test_a_damaged_file_is_said_and_not_used(
        self, content: bytes, ships: Any, tmp_path: Path
    ) -> None:
        ships().write_bytes(content)
        evidence = gather(catalog.find(ID), tmp_path)
        assert evidence.calibration is None
        (note,) = evidence.notes
        assert "not a calibration" in note
        assert "\n" not in note

    @pytest.mark.parametrize("value", ["x", True, float("nan"), [1]])
    def test_what_is_no_number_is_not_believed(self, value: Any, ships: Any) -> None:
        path = ships()
        document = json.loads(gzip.decompress(path.read_bytes()))
        document["variants"]["l2"]["metrics"]["test_accuracy"][3] = value
        path.write_bytes(gzip.compress(json.dumps(document).encode()))
        with pytest.raises(HwError, match="not a calibration"):
            shipped.read(catalog.find(ID))

    def test_a_bomb_is_not_unpacked(self, ships: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        ships()
        monkeypatch.setattr(shipped, "MAX_BYTES", 100)
        with pytest.raises(HwError, match="larger than 100 bytes"):
            shipped.read(catalog.find(ID))


class TestUse:
    def test_of_the_same_data_it_is_the_band(self, ships: Any, tmp_path: Path) -> None:
        ships()
        write(tmp_path, ID, SEEDS[2])
        evidence = gather(catalog.find(ID), tmp_path)
        assert not evidence.borrowed
        band = evidence.band("plain", "test_accuracy")
        assert band is not None
        values = [o["plain"].metrics["test_accuracy"] for o in SEEDS.values()]
        assert band.basis == "shipped calibration"
        assert band.centre == pytest.approx(statistics.fmean(values))
        assert list(band.values) == pytest.approx(values)

    def test_of_other_data_it_lends_its_scatter(self, ships: Any, tmp_path: Path) -> None:
        """The middle is then that of the run at hand; two runs of the same differ by √2 s."""
        ships(data=ELSEWHERE)
        mine = runs(0.8, 0.9)
        write(tmp_path, ID, mine)
        evidence = gather(catalog.find(ID), tmp_path)
        assert evidence.borrowed
        band = evidence.band("plain", "test_accuracy")
        assert band is not None
        assert band.basis == "shipped calibration, on other data"
        assert band.centre == 0.8
        sd = deviation([o["plain"].metrics["test_accuracy"] for o in SEEDS.values()])
        half = student_factor(0.99, 5) * sd * 2**0.5
        assert band.half_width == pytest.approx(half, rel=1e-4)
        assert not band.values

    def test_the_users_own_takes_its_place(self, ships: Any, tmp_path: Path) -> None:
        ships()
        write(tmp_path, ID, SEEDS[1])
        calibrate(tmp_path, ID, {s: SEEDS[s] for s in (1, 2, 3)})
        evidence = gather(catalog.find(ID), tmp_path)
        assert evidence.calibration is not None
        assert (evidence.calibration.seeds, evidence.calibrated_by) == ((1, 2, 3), "calibration")
        # Unless it is of an experiment that is none of ours any more.
        calibrate(tmp_path, ID, {s: SEEDS[s] for s in (1, 2, 3)}, OTHER)
        assert gather(catalog.find(ID), tmp_path).calibrated_by == "shipped calibration"

    def test_no_claim_that_seeds_can_judge_is_judged_by_one_run(
        self, ships: Any, tmp_path: Path
    ) -> None:
        ships()
        write(tmp_path, ID, SEEDS[1])
        found = {j.published: j.finding for j in judge_all(gather(catalog.find(ID), tmp_path))}
        for finding in found.values():
            if finding.verdict not in (Verdict.NOT_RUN, Verdict.SLIP, Verdict.EXACT):
                assert finding.basis in ("shipped calibration", "record")
        text = found["with the penalty, validation accuracy ends higher"]
        assert text.verdict is Verdict.NOT_SUPPORTED
        assert text.numbers["pairs"][0]["seeds"] == 6
        assert text.instead.endswith("and it is above in 1 of 6 seeds")

    def test_results_that_have_not_run_are_not_judged(self, ships: Any, tmp_path: Path) -> None:
        ships()
        verdicts = {j.verdict for j in judge_all(gather(catalog.find(ID), tmp_path))}
        assert verdicts == {Verdict.NOT_RUN, Verdict.SLIP}


class TestCheck:
    def test_a_fresh_clone_answers_by_the_seeds(self, ships: Any, hw: CommandLine) -> None:
        ships()
        answer = hw("check", ID, "plain.test_accuracy=0.47")
        assert answer.code == 0
        text = " ".join(answer.out.split())
        assert "of 6 seeds, 0.47 is at the 50th percentile, the published 0.46 at the 8th" in text
        assert "seeds 1..6 come with hw (numpy 2.4.6), of x" in text
        assert "not the published file" not in text
        assert hw("check", ID, "plain.test_accuracy=0.52").code == 3
        assert hw("check", ID, "plain.weight_norm=4.7").code == 0

    def test_percentiles_for_programs(self, ships: Any, hw: CommandLine) -> None:
        ships()
        write(hw.results, ID, SEEDS[2])
        (found,) = hw("check", ID, "l2.test_accuracy=0.20", "--json").json["numbers"]
        assert found["seeds"] == 6
        assert found["percentiles"] == pytest.approx({"yours": 0, "published": 100, "ours": 75})
        out = " ".join(hw("check", ID, "l2.test_accuracy=0.20").out.split())
        assert "0.20 is below all, the published 0.51 above all, ours at the 75th percentile" in out

    def test_other_bytes_are_said_and_leave_room_for_the_published_number(
        self, ships: Any, hw: CommandLine
    ) -> None:
        ships(data=OTHER)
        answer = hw("check", ID, "l2.test_accuracy=0.51")
        assert answer.code == 0
        assert "not the published file" in answer.out
        assert hw("check", ID, "l2.test_accuracy=0.46").code == 0
        assert hw("check", ID, "l2.test_accuracy=0.60").code == 3

    def test_results_of_a_stand_in_are_put_aside(self, ships: Any, hw: CommandLine) -> None:
        ships()
        write(hw.results, ID, runs(0.9, 0.9), STAND_IN)
        answer = hw("check", ID, "plain.test_accuracy=0.9")
        assert answer.code == 3
        assert "6 seeds" in answer.out
        assert "ours" not in answer.out.splitlines()[1]


def test_a_new_setting_at_its_default_changes_nothing(
    ships: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ships()
    document = json.loads(gzip.decompress(path.read_bytes()))
    for settings in document["settings"].values():
        del settings["proximal_every"]
    shipped.write(path, document)
    question = catalog.find(ID)
    assert shipped.read(question) is not None
    changed = replace(question, settings={**question.settings, "proximal_every": 2})
    assert shipped.read(changed) is None
