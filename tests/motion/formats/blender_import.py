"""Run by Blender's Python, not by pytest: import rigs as docs/rigs.md says and report where their bones are.

    python blender_import.py JOBS.json REPORT.json

JOBS.json lists {"path", "scene_fps", "scale", "seconds"}: the scene's frame rate, which a GLB does not set, the factor
to metres, and when to look. REPORT.json holds one entry a job, in Blender's world: metres, Z up. Nothing of Kinelex is
imported here.
"""

import json
import sys
from pathlib import Path

import bpy


def main(jobs: str, report: str) -> None:
    """Import every file into a scene of its own."""
    entries = [imported(**job) for job in json.loads(Path(jobs).read_text(encoding="utf-8"))]
    Path(report).write_text(json.dumps(entries), encoding="utf-8")


def imported(path: str, scene_fps: int, scale: float, seconds: list[float]) -> dict:
    """What Blender makes of one file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    if path.endswith(".bvh"):
        bpy.ops.import_anim.bvh(
            filepath=path, axis_forward="-Z", axis_up="Y", global_scale=scale,
            update_scene_fps=True, update_scene_duration=True,
        )  # fmt: skip
    else:
        scene.render.fps = scene_fps
        bpy.ops.import_scene.gltf(filepath=path, bone_heuristic="TEMPERANCE")
    (armature,) = [thing for thing in bpy.data.objects if thing.type == "ARMATURE"]
    first, last = armature.animation_data.action.frame_range
    skins = [
        thing for thing in bpy.data.objects if thing.type == "MESH" and thing.find_armature() == armature
    ]
    fps = scene.render.fps / scene.render.fps_base
    moments = []
    for moment in seconds:
        scene.frame_set(int(first) + round(moment * fps))
        moments.append({"heads": heads(armature), "skin": [points(skin) for skin in skins]})
    return {
        "fps": fps,
        "seconds": (last - first) / fps,
        "parents": {bone.name: bone.parent.name if bone.parent else None for bone in armature.data.bones},
        "rest": {bone.name: world(armature, bone.head_local) for bone in armature.data.bones},
        "moments": moments,
    }


def heads(armature) -> dict[str, list[float]]:
    """Where the bones of the pose begin."""
    return {bone.name: world(armature, bone.head) for bone in armature.pose.bones}


def points(skin) -> list[list[float]]:
    """The vertices of a mesh as its armature bends it."""
    bent = skin.evaluated_get(bpy.context.evaluated_depsgraph_get())
    found = [world(bent, vertex.co) for vertex in bent.to_mesh().vertices]
    bent.to_mesh_clear()
    return found


def world(thing, point) -> list[float]:
    """A point of an object in the world."""
    return list(thing.matrix_world @ point)


if __name__ == "__main__":
    main(*sys.argv[1:])
