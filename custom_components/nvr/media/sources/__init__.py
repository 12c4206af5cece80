"""Where footage comes from: RTSP playback, a download, a local file; read alike by whoever plays or cuts it."""
