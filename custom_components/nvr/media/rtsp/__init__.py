"""An RTSP client for playback: TCP interleaved, and every answer of the recorder in sight."""
