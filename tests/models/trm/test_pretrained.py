"""Models in a folder: saved, loaded, refused."""

import json

import pytest
import torch

from thermofab.hw.spec import SpecError
from thermofab.models.trm import SequenceConfig, SequenceTRM, TinyRecursiveModel, answer, shipped_models

CONFIG = SequenceConfig.sudoku(2, 2, width=32, positions="none", normalised="positions", seed=3)


def test_a_sequence_model_comes_back_with_its_threshold(tmp_path):
    model = SequenceTRM(CONFIG)
    model.halt_threshold = 0.97
    folder = model.save_pretrained(tmp_path / "a" / "b", notes={"made by": "a test"})
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors"}
    assert json.loads((folder / "config.json").read_text())["notes"] == {"made by": "a test"}
    other = SequenceTRM.from_pretrained(folder)
    tokens = torch.zeros(2, 16, dtype=torch.int64)
    assert other.config == CONFIG and other.halt_threshold == 0.97 and not other.training
    assert torch.equal(answer(model, tokens, 2).halt_logit, answer(other, tokens, 2).halt_logit)
    assert SequenceTRM.from_pretrained(str(folder), device="meta").device.type == "meta"


def test_a_classifier_comes_back(tmp_path):
    model = TinyRecursiveModel(hidden_dim=16, seed=2, mask_inputs=True)
    other = TinyRecursiveModel.from_pretrained(model.save_pretrained(tmp_path / "c"))
    features = torch.randn(3, 20, generator=torch.Generator().manual_seed(0))
    assert other.config == model.config
    assert torch.equal(model.get_strategy_probabilities(features), other.get_strategy_probabilities(features))


def test_what_is_no_model_is_refused(tmp_path):
    folder = SequenceTRM(CONFIG).save_pretrained(tmp_path / "m")

    def changed(**about) -> None:
        whole = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**whole, **about}))

    with pytest.raises(SpecError, match="neither a folder nor a model that ships"):
        SequenceTRM.from_pretrained("sudoku-7x7")
    with pytest.raises(SpecError, match="describes a 'thermofab-sequence-trm' of version 1, not a 'thermofab-tiny"):
        TinyRecursiveModel.from_pretrained(folder)
    changed(halt_threshold=1.5)
    with pytest.raises(SpecError, match=r"halt_threshold stored with .* is 1\.5, not a number in \(0, 1\)"):
        SequenceTRM.from_pretrained(folder)
    changed(halt_threshold=0.9, config={**CONFIG.to_json(), "width": 64})
    with pytest.raises(SpecError, match="does not hold the weights that config.json describes"):
        SequenceTRM.from_pretrained(folder)
    changed(config={"colour": 1})
    with pytest.raises(SpecError, match="not the configuration of a sequence model"):
        SequenceTRM.from_pretrained(folder)
    changed(version=9)
    with pytest.raises(SpecError, match="of version 9, not a"):
        SequenceTRM.from_pretrained(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(SpecError, match="is not JSON"):
        SequenceTRM.from_pretrained(folder)
    (folder / "config.json").unlink()
    with pytest.raises(SpecError, match="has no config.json"):
        SequenceTRM.from_pretrained(folder)
    with pytest.raises(SpecError, match="is a file"):
        SequenceTRM(CONFIG).save_pretrained(folder / "model.safetensors")


def test_a_damaged_file_is_refused(tmp_path):
    folder = SequenceTRM(CONFIG).save_pretrained(tmp_path / "m")
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(SpecError, match="is damaged"):
        SequenceTRM.from_pretrained(folder)


def test_shipped_names_are_a_tuple():
    assert isinstance(shipped_models(), tuple)
