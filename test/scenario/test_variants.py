"""The same job otherwise: each variant is a scenario that loads, and says what its words mean."""

import pytest

from vla_sim.common.assets import find_world
from vla_sim.common.errors import InputError
from vla_sim.scenario import variants
from vla_sim.scenario.load import load
from vla_sim.scenario.preparation import check


def made(name, kind, folder):
    return {one.name.removeprefix(f"{name}-"): one for one in variants.write(load(name), [kind], folder)}


def test_other_words_mean_the_same(tmp_path):
    found = made("fetch_cup", "words", tmp_path)
    said = [one.scenario.script[0].words for one in found.values()]
    assert said[0] == "Walk to the kitchen and grab the red cup"
    assert len(set(said)) == len(said) == 3
    assert {str(one.scenario.script[0].means) for one in found.values()} == {
        str(load("fetch_cup").scenario.script[0].means)
    }


def test_another_thing_of_the_same_table_changes_places_with_the_commanded_one(tmp_path):
    found = made("fetch_cup", "objects", tmp_path)
    other = found["blue_cup"].scenario
    assert other.script[0].words == "Go to the kitchen and pick up the blue cup"
    assert other.script[0].means[-1].object == "blue cup"
    assert [c.object for c in other.expect if hasattr(c, "object")] == ["blue cup", "red_cup"]


def test_another_place_is_walked_to(tmp_path):
    found = made("go_to_kitchen", "places", tmp_path)
    assert found["bedroom"].scenario.script[0].words == "Go to the bedroom"
    assert "kitchen" not in found
    with pytest.raises(InputError, match="no variant of the kind places"):
        variants.write(load("fetch_cup"), ["places"], tmp_path)


@pytest.mark.parametrize("kind", ["lights", "places"])
def test_a_world_beside_the_scenario_is_found_from_the_variants(tmp_path, kind):
    home = tmp_path / "kitchen"  # a folder's name is no place's
    home.mkdir()
    shipped = find_world("apartment")
    text = shipped.read_text().replace("model://", f"{shipped.parent.parent / 'models'}/")
    (home / "mine.sdf").write_text(text)
    (home / "walk.yaml").write_text(
        load("go_to_kitchen").path.read_text().replace("script:", "world: mine.sdf\nscript:", 1)
    )
    for file in variants.write(load(home / "walk.yaml"), [kind], tmp_path / "made"):
        assert load(file.path).scenario.world == str(home / "mine.sdf")
        check(load(file.path))


@pytest.mark.parametrize("kind", ["places", "words"])
def test_what_stands_in_for_the_language_model_knows_the_other_words(tmp_path, kind):
    text = load("model_reads_the_rest").path.read_text()
    (tmp_path / "job.yaml").write_text(text.replace("indly relocate yourself to", "indly go to"))
    for one in variants.write(load(tmp_path / "job.yaml"), [kind], tmp_path / "made"):
        said = {action.words.lower() for action in one.scenario.script}
        assert {words.lower() for words in one.scenario.scripted_llm} <= said


def test_a_blind_run_must_not_be_done_and_hurt_nothing(tmp_path):
    found = made("fetch_cup", "blind", tmp_path)
    assert sorted(found) == ["no_camera", "no_lidar", "no_microphone"]
    assert [c.__struct_config__.tag for c in found["no_camera"].scenario.expect] == [
        "undone", "no_fall", "no_collision",
    ]  # fmt: skip
    assert sorted(made("turn_left", "blind", tmp_path)) == ["no_microphone"]


def test_blind_is_what_the_robot_is_commanded_first_that_takes_the_sensor(tmp_path):
    found = made("long_mission", "blind", tmp_path)
    said = {name: [a.words for a in one.scenario.script] for name, one in found.items()}
    assert said["no_microphone"] == ["Turn left 90 degrees"]
    assert said["no_lidar"] == ["Turn left 90 degrees", "Go to the kitchen"]
    assert said["no_camera"][2:] == ["Pick up the red cup"]
    assert [one.scenario.expect[0].command for one in found.values()] == [1, 3, 2]


@pytest.mark.parametrize("name", ["lidar_fails", "stop_while_reaching", "dropped_object"])
def test_a_blind_run_waits_for_nothing_that_a_blind_robot_does_not_do(name, tmp_path):
    for one in made(name, "blind", tmp_path).values():
        assert len(one.scenario.script) == len(one.scenario.faults) == 1


def test_things_and_places_with_capitals_change_places_too(tmp_path):
    world = find_world("apartment").read_text()
    for name in ("red_cup", "blue_cup"):
        world = world.replace(f"<name>{name}</name>", f"<name>{name.title()}</name>")
    (tmp_path / "w.sdf").write_text(world.replace("place/kitchen", "place/Kitchen"))
    text = load("fetch_cup").path.read_text().replace("red_cup", "Red_Cup").replace("blue_cup", "Blue_Cup")
    (tmp_path / "job.yaml").write_text(text.replace("script:", "world: w.sdf\nscript:", 1))
    made = variants.write(load(tmp_path / "job.yaml"), ["objects"], tmp_path / "made")
    (other,) = (one.scenario for one in made if "blue cup" in one.scenario.script[0].words)
    assert [c.object for c in other.expect if hasattr(c, "object")] == ["blue cup", "Red_Cup"]


def test_others_say_the_same_words(tmp_path):
    found = made("fetch_cup", "voices", tmp_path)
    assert sorted(found) == ["speed_0.85", "speed_1.2", "voice_espeak_en-gb", "voice_espeak_en-us"]
    assert found["voice_espeak_en-us"].scenario.script[0].voice == "espeak:en-us"
    assert found["speed_1.2"].scenario.script[0].speed == 1.2


def test_lights_are_factors(tmp_path):
    assert [one.scenario.light for one in made("fetch_cup", "lights", tmp_path).values()] == [0.4, 0.7, 1.5]


@pytest.mark.parametrize("name", ["fetch_cup", "go_to_kitchen", "pick_on_tabletop", "bring_box_back"])
def test_every_variant_names_what_is_in_its_world(name, tmp_path):
    for kind in variants.KINDS:
        for data in variants.KINDS[kind](load(name)):
            assert data
        try:
            found = variants.write(load(name), [kind], tmp_path)
        except InputError:
            continue
        for file in found:
            check(file)


def test_a_scenario_that_does_not_say_what_its_words_mean_is_refused(tmp_path):
    path = tmp_path / "vague.yaml"
    path.write_text("version: 1\nproves: Something or other.\nscript: [{do: type, words: Go}]\n")
    with pytest.raises(InputError, match='say what "Go" means'):
        variants.write(load(path), ["blind"], tmp_path)
