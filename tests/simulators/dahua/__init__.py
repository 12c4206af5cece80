"""A simulated Dahua unit: CGI over HTTP and HTTPS, RPC2, events, footage, RTSP, faults."""
