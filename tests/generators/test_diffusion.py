"""Diffusion: the published numbers, and what must hold of any schedule and sampler."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.generators.diffusion.process import (
    as_motion,
    clip_losses,
    diffusion_loss,
    motion_from_noise,
    noise_from_motion,
    noised,
)
from kinelex.generators.diffusion.samplers import (
    DiffusionSampling,
    ddim_step,
    ddpm_step,
    posterior_mean,
    sample,
)
from kinelex.generators.diffusion.schedule import (
    DiffusionConfig,
    NoiseSchedule,
    cosine_betas,
    linear_betas,
)
from kinelex.tokenizer.rvqvae import length_mask
from published import Case, agree

MEAN, DEVIATION = 1.5, 0.4


@pytest.fixture(scope="module")
def case() -> Case:
    return Case.load("mdm_diffusion")


def frames(values: Tensor) -> Tensor:
    """(B, J, 1, T) as published to (B, T, J)."""
    return values[:, :, 0].transpose(1, 2)


def check(case: Case, name: str, value: Tensor) -> None:
    agree(case, name, value.transpose(1, 2)[:, :, None], "float32")


@pytest.mark.parametrize("steps", [1000, 50])
def test_cosine_schedule_as_published(case: Case, steps: int) -> None:
    schedule = NoiseSchedule.of(DiffusionConfig(steps))
    agree(case, f"s{steps}.raw_betas", cosine_betas(steps), "float64_arrays")
    signal, variance = schedule.signal, schedule.posterior_variance
    for name, values in {
        "betas": schedule.betas,
        "alphas_cumprod": signal,
        "alphas_cumprod_prev": schedule.cleaner,
        "sqrt_alphas_cumprod": signal.sqrt(),
        "sqrt_one_minus_alphas_cumprod": (1 - signal).sqrt(),
        "sqrt_recip_alphas_cumprod": signal.rsqrt(),
        "sqrt_recipm1_alphas_cumprod": (1 / signal - 1).sqrt(),
        "posterior_variance": variance,
        "posterior_log_variance_clipped": torch.cat([variance[1:2], variance[1:]]).log(),
        "posterior_mean_coef1": schedule.posterior_motion,
        "posterior_mean_coef2": schedule.posterior_noised,
    }.items():
        agree(case, f"s{steps}.{name}", values, "float64_arrays")


def test_linear_schedule_as_published() -> None:
    case = Case.load("motiondiffuse_denoiser")
    schedule = NoiseSchedule.of(DiffusionConfig(1000, "linear"))
    agree(case, "linear.betas", linear_betas(1000), "float64_arrays")
    for name, values in {
        "alphas_cumprod": schedule.signal,
        "posterior_variance": schedule.posterior_variance,
        "posterior_mean_coef1": schedule.posterior_motion,
        "posterior_mean_coef2": schedule.posterior_noised,
        "sqrt_recip_alphas_cumprod": schedule.signal.rsqrt(),
        "sqrt_recipm1_alphas_cumprod": (1 / schedule.signal - 1).sqrt(),
    }.items():
        agree(case, f"linear.{name}", values, "float64_arrays")


@pytest.mark.parametrize("steps", [1000, 50])
def test_steps_and_loss_as_published(case: Case, steps: int) -> None:
    schedule, index = NoiseSchedule.of(DiffusionConfig(steps)), case.inputs[f"timesteps_{steps}"]
    mixed, motion, output, noise = (
        frames(case.inputs[k]) for k in ("x_t", "x_start", "model_output", "noise")
    )
    inside = length_mask(case.inputs["lengths"], mixed.shape[1])
    check(case, f"s{steps}.p_mean", posterior_mean(schedule, mixed, index, output))
    check(case, f"s{steps}.p_sample", ddpm_step(schedule, mixed, index, output, noise))
    still = torch.zeros_like(noise)
    check(case, f"s{steps}.ddim_eta0", ddim_step(schedule, mixed, index, output, still, 0.0))
    check(case, f"s{steps}.ddim_eta_half", ddim_step(schedule, mixed, index, output, noise, 0.5))
    check(case, f"s{steps}.eps_from_xstart", noise_from_motion(schedule, mixed, index, output))
    check(case, f"s{steps}.q_sample", noised(schedule, motion, index, noise))
    agree(case, f"s{steps}.loss_per_sample", clip_losses(output, motion, inside), "float32")


@pytest.mark.parametrize("spec", ["ddim50", "50"])
def test_fewer_steps_as_published(case: Case, spec: str) -> None:
    whole = NoiseSchedule.of(DiffusionConfig(1000))
    chosen = case.expected[f"respaced_{spec}.timestep_map"]
    schedule = whole.spread(50) if spec == "50" else whole.only(chosen)
    assert torch.equal(schedule.times, chosen)
    agree(case, f"respaced_{spec}.betas", schedule.betas, "float64_arrays")
    agree(case, f"respaced_{spec}.alphas_cumprod", schedule.signal, "float64_arrays")
    index, mixed = case.inputs["timesteps_respaced"], frames(case.inputs["x_t"])
    output = frames(case.inputs["model_output"])
    check(
        case,
        f"respaced_{spec}.ddim_eta0",
        ddim_step(schedule, mixed, index, output, torch.zeros_like(mixed), 0.0),
    )
    assert torch.equal(schedule.times[index], case.expected[f"respaced_{spec}.timesteps_seen_by_model"])


def gaussian(schedule: NoiseSchedule) -> Callable[[Tensor, Tensor], Tensor]:
    """The best possible prediction when every number is normal with MEAN and DEVIATION."""

    def predict(mixed: Tensor, times: Tensor) -> Tensor:
        signal = schedule.signal[times].float()[:, None, None]
        gain = signal.sqrt() * DEVIATION**2 / (signal * DEVIATION**2 + 1 - signal)
        return MEAN + gain * (mixed - signal.sqrt() * MEAN)

    return predict


def noise_of(seed: int, shape: tuple[int, ...]) -> Callable[[], Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(shape, generator=generator)


@pytest.mark.parametrize("kind", ["cosine", "linear"])
@pytest.mark.parametrize(
    ("options", "tolerance"),
    [
        (DiffusionSampling("ddpm", 1000), 0.02),
        (DiffusionSampling("ddim", 200), 0.02),
        (DiffusionSampling("ddim", 200, eta=1.0), 0.03),
        (DiffusionSampling("dpm++", 25), 0.02),
    ],
    ids=lambda value: f"{value.sampler}-{value.eta}" if isinstance(value, DiffusionSampling) else "",
)
def test_every_sampler_reaches_a_gaussian(kind: str, options: DiffusionSampling, tolerance: float) -> None:
    schedule = NoiseSchedule.of(DiffusionConfig(1000, kind))  # type: ignore[arg-type]
    drawn = sample(schedule, gaussian(schedule), noise_of(0, (50, 100, 8)), options)
    assert abs(float(drawn.mean()) - MEAN) < tolerance
    assert abs(float(drawn.std()) - DEVIATION) < tolerance


def test_ddim_with_all_its_noise_is_ddpm() -> None:
    schedule = NoiseSchedule.of(DiffusionConfig(60))
    drawn = [
        sample(schedule, gaussian(schedule), noise_of(3, (4, 5, 6)), options)
        for options in (DiffusionSampling("ddpm", 60), DiffusionSampling("ddim", 60, eta=1.0))
    ]
    torch.testing.assert_close(drawn[0], drawn[1], atol=1e-5, rtol=1e-5)


def test_the_second_order_solver_needs_fewer_steps_than_ddim() -> None:
    """Both follow the same path from the same noise; how far from its end do they stop?"""
    schedule = NoiseSchedule.of(DiffusionConfig(1000))

    def end(sampler: str, steps: int) -> Tensor:
        options = DiffusionSampling(sampler, steps)  # type: ignore[arg-type]
        return sample(schedule, gaussian(schedule), noise_of(1, (8, 40, 4)), options)

    exact = end("ddim", 1000)
    errors = {
        (sampler, steps): float((end(sampler, steps) - exact).abs().mean())
        for sampler in ("ddim", "dpm++")
        for steps in (10, 20)
    }
    assert errors["dpm++", 20] < errors["dpm++", 10] / 3
    assert errors["dpm++", 20] < errors["ddim", 20] / 3


@pytest.mark.parametrize("kind", ["cosine", "linear"])
def test_noising_is_undone_by_what_was_added(kind: str) -> None:
    config = DiffusionConfig(100, kind, predicts="noise")  # type: ignore[arg-type]
    schedule, index = NoiseSchedule.of(config), torch.tensor([0, 10, 40, 70])
    motion, noise = torch.randn(2, 4, 6, 3, generator=torch.Generator().manual_seed(0))
    mixed = noised(schedule, motion, index, noise)
    torch.testing.assert_close(as_motion(config, schedule, mixed, index, noise), motion, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        motion_from_noise(schedule, mixed, index, noise_from_motion(schedule, mixed, index, motion)), motion,
        atol=1e-4, rtol=1e-4,
    )  # fmt: skip


def test_loss_weighs_clips_or_frames() -> None:
    output, target = torch.zeros(2, 4, 3), torch.ones(2, 4, 3)
    target[1] *= 2
    inside = length_mask(torch.tensor([4, 1]), 4)
    noise = torch.zeros_like(target)
    assert float(diffusion_loss(DiffusionConfig(), output, target, noise, inside)) == (1 + 4) / 2
    by_frame = DiffusionConfig(weighting="frame", predicts="noise")
    assert float(diffusion_loss(by_frame, output, noise, target, inside)) == pytest.approx((4 * 1 + 4) / 5)


@pytest.mark.parametrize("count", [1, 2, 7, 49, 50, 80])
def test_spread_steps_rise_and_keep_the_ends(count: int) -> None:
    times = NoiseSchedule.of(DiffusionConfig(50)).spread(count).times
    assert len(times) == min(count, 50)
    assert (times.diff() > 0).all()
    assert times[-1] == 49
    assert count == 1 or times[0] == 0


def test_impossible_settings_are_refused() -> None:
    for change in ({"sampler": "euler"}, {"steps": 0}, {"eta": 2.0}, {"guidance": float("nan")}):
        with pytest.raises(KinelexError):
            DiffusionSampling(**change)  # type: ignore[arg-type]
    with pytest.raises(KinelexError):
        DiffusionConfig(1)
    with pytest.raises(KinelexError):
        NoiseSchedule.of(DiffusionConfig(50)).spread(0)
