from __future__ import annotations

import numpy as np
import pytest

from mlsse.bundle import load_model
from mlsse.compositions import composition_vectors
from mlsse.explorer import embedding
from mlsse.explorer.known_materials import families_of


@pytest.fixture(scope="module")
def model():
    return load_model()


@pytest.fixture(scope="module")
def world(model):
    return embedding.map_known(model)


def test_map_equals_kernel_pca_of_scikit_learn(model, world):
    from sklearn.decomposition import KernelPCA

    process = model.process
    known = process.kernel.embed(process.vectors, process.descriptors)
    covariance = process.kernel.covariance(known, known)
    expected = KernelPCA(n_components=2, kernel="precomputed").fit_transform(covariance)
    signs = np.sign((expected * world.places).sum(axis=0))
    np.testing.assert_allclose(world.places, expected * signs, atol=1e-8)


def test_known_compositions_are_placed_where_they_stand(model, world):
    some = model.process.vectors[[0, 7, -1]]
    np.testing.assert_allclose(
        embedding.place_vectors(world, model, some), world.places[[0, 7, -1]], atol=1e-6
    )


def test_shares_are_parts_of_the_variance_in_falling_order(world):
    assert 0 < world.shares[1] <= world.shares[0] < world.shares.sum() < 1
    np.testing.assert_allclose(world.places.mean(axis=0), 0, atol=1e-9)


def test_map_is_the_same_each_time(model, world):
    again = embedding.map_known(model)
    np.testing.assert_array_equal(again.places, world.places)


def test_a_new_garnet_lies_nearer_to_garnets_than_to_sulfides(model, world):
    families = np.array(families_of(model.process.vectors))
    place = embedding.place_vectors(world, model, composition_vectors(["Li6.3La3Zr1.3Ta0.7O12"]))[0]
    to = {
        family: np.linalg.norm(np.median(world.places[families == family], axis=0) - place)
        for family in ("garnets", "sulfides", "halides", "phosphates")
    }
    assert min(to, key=to.get) == "garnets"


def test_nothing_to_place_gives_nothing(model, world):
    assert embedding.place_vectors(world, model, np.zeros((0, 90))).shape == (0, 2)
