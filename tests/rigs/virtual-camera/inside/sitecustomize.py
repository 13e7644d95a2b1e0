"""Lets an unmodified picamera2 run on libcamera's virtual pipeline: patches it when it is imported, and only then.

The virtual cameras differ from real ones in four ways, which are papered over here:
1. They have no Raw role: generate_configuration([Raw]) gives None.
2. They write NV12 through a FrameBuffer of two planes, where picamera2's allocator makes one.
3. libcamera 0.4.0 leaves their FrameMetadata unset, so that picamera2 takes every frame for a startup frame.
4. They give NV12 whatever is asked; that is left as it is, for the product must cope.
"""

import importlib.machinery
import mmap
import os
import sys


class PatchOnImport:
    """A finder that finds picamera2.picamera2 as usual and patches it once it is there."""

    def find_spec(self, name, path, target=None):
        if name != "picamera2.picamera2":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        execute = spec.loader.exec_module

        def execute_and_patch(module):
            execute(module)
            patch(module)

        spec.loader.exec_module = execute_and_patch
        return spec


def patch(module):
    import libcamera

    libcamera.FrameMetadata.status = property(lambda _: libcamera.FrameMetadata.Status.Success)
    module.Picamera2._get_raw_modes = raw_modes
    module.DmaAllocator = two_plane_allocator(module.DmaAllocator, libcamera)


def raw_modes(self):
    import libcamera

    formats = self.camera.generate_configuration([libcamera.StreamRole.Viewfinder]).at(0).formats
    return [
        {"format": str(pixels), "size": (size.width, size.height)}
        for pixels in formats.pixel_formats
        for size in formats.sizes(pixels)
    ]


def two_plane_allocator(base, libcamera):
    class TwoPlaneAllocator(base):
        def allocate(self, libcamera_config, _use_case):
            self.libcamera_fds = []
            self.cleanup()
            for fd in self.open_fds:
                os.close(fd)
            self.frame_buffers, self.open_fds = {}, []
            for stream in libcamera_config:
                self.frame_buffers[stream.stream] = [self._buffer(stream) for _ in range(stream.buffer_count)]

        def _buffer(self, stream):
            fd = self.dmaHeap.alloc("picamera2", stream.frame_size).get()
            luma_bytes = stream.size.width * stream.size.height
            planes = []
            for offset, length in (0, luma_bytes), (luma_bytes, luma_bytes // 2):
                plane = libcamera.FrameBuffer.Plane()
                plane.fd, plane.offset, plane.length = fd, offset, length
                planes.append(plane)
            self.open_fds.append(fd)
            self.libcamera_fds.append(planes[0].fd)
            self.mapped_buffers_used[planes[0].fd] = False
            buffer = libcamera.FrameBuffer(planes)
            self.mapped_buffers[buffer] = mmap.mmap(fd, stream.frame_size)
            return buffer

    return TwoPlaneAllocator


sys.meta_path.insert(0, PatchOnImport())
