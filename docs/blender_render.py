"""Import a rig into Blender as docs/rigs.md says, and render some of its frames side by side.

    blender --background --python docs/blender_render.py -- walk.glb walk.png

or `python docs/blender_render.py walk.glb walk.png` where the package bpy is installed.
"""

import math
import sys

import bpy
from mathutils import Vector

POSES = 5
STEP = 1.1  # metres from one figure to the next


def main(rig: str, picture: str, fps: int = 20) -> None:
    """Import, copy the figure at evenly spaced frames, render."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = fps
    bpy.ops.import_scene.gltf(filepath=rig, bone_heuristic="TEMPERANCE", disable_bone_shape=True)
    (armature,) = [thing for thing in bpy.data.objects if thing.type == "ARMATURE"]
    (skin,) = [thing for thing in bpy.data.objects if thing.type == "MESH"]
    first, last = armature.animation_data.action.frame_range
    for pose in range(POSES):
        scene.frame_set(round(first + (last - first) * pose / (POSES - 1)))
        freeze(skin, armature, (pose - (POSES - 1) / 2) * STEP)
    skin.hide_render = True
    furnish(scene)
    scene.render.filepath = picture
    bpy.ops.render.render(write_still=True)


def freeze(skin, armature, x: float) -> None:
    """A copy of the figure as it stands now, moved over the floor so that its hips are at x, 0."""
    bent = skin.evaluated_get(bpy.context.evaluated_depsgraph_get())
    statue = bpy.data.objects.new("pose", bpy.data.meshes.new_from_object(bent))
    hips = armature.matrix_world @ armature.pose.bones[0].head
    statue.location = (x - hips.x, -hips.y, 0)
    bpy.context.collection.objects.link(statue)


def furnish(scene) -> None:
    """Floor, light, and a camera in front: at -Y, looking along +Y, as Blender's front view does."""
    bpy.ops.mesh.primitive_plane_add(size=40)
    paint = bpy.data.materials.new("floor")
    paint.use_nodes = True
    paint.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (0.16, 0.17, 0.2, 1)
    bpy.context.object.data.materials.append(paint)
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy, sun.data.angle = 2.0, 0.2
    sun.rotation_euler = (math.radians(35), math.radians(-25), 0)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location, camera.data.lens = (0, -9.5, 2.2), 50
    camera.rotation_euler = (Vector((0, 0, 0.85)) - camera.location).to_track_quat("-Z", "Y").to_euler()
    for thing in (sun, camera):
        scene.collection.objects.link(thing)
    scene.world = bpy.data.worlds.new("sky")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.4, 0.45, 0.55, 1)
    scene.camera = camera
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 24
    scene.view_settings.view_transform = "Standard"
    scene.render.resolution_x, scene.render.resolution_y = 800, 300
    scene.render.image_settings.color_mode, scene.render.image_settings.compression = "RGB", 100


if __name__ == "__main__":
    main(*(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]))
