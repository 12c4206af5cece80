// A viewer of the media socket, as small as one can be: what it is sent goes into a SourceBuffer, in order.
window.viewer = (() => {
  const INIT = 0, FRAGMENT = 1, KEY = 2, END = 4;
  const connection = () => document.querySelector("home-assistant").hass.connection;
  const ask = (type, values) => connection().sendMessagePromise({ type: `nvr/${type}`, ...values });
  const accept = ["avc1", "hvc1", "mp4a"].filter((entry) =>
    MediaSource.isTypeSupported(
      { avc1: 'video/mp4; codecs="avc1.4D401F"', hvc1: 'video/mp4; codecs="hvc1.1.6.L120.90"', mp4a: 'video/mp4; codecs="mp4a.40.2"' }[entry],
    ),
  );

  // Nothing may take for ever: what does not come is told with what there is.
  const within = (promise, stream, what) =>
    Promise.race([
      promise,
      new Promise((_, reject) => setTimeout(() => reject(new Error(`${what} does not come: ${stream.state()}`)), 30000)),
    ]);

  class Stream {
    queue = [];
    received = [];
    moments = [];
    errors = [];

    async open(values) {
      const began = performance.now();
      this.opened = await ask("session/open", { accept, ...values });
      this.video = document.createElement("video");
      this.video.muted = true;
      this.video.style = "position: fixed; inset: 0; width: 640px; z-index: 9999";
      this.video.addEventListener("error", () => this.errors.push(this.video.error.message));
      document.body.append(this.video);
      const painted = new Promise((resolve) => this.video.requestVideoFrameCallback(resolve));
      const source = new MediaSource();
      this.video.src = URL.createObjectURL(source);
      await new Promise((resolve) => source.addEventListener("sourceopen", resolve, { once: true }));
      this.buffer = source.addSourceBuffer(this.opened.mime);
      this.buffer.addEventListener("updateend", () => this.feed());
      await within(this.connect(), this, "the socket");
      await within(painted, this, "the first picture");
      return performance.now() - began;
    }

    connect() {
      this.socket = new WebSocket(location.origin.replace("http", "ws") + this.opened.media_path);
      this.socket.binaryType = "arraybuffer";
      this.socket.onmessage = (message) => typeof message.data === "string" || this.take(message.data);
      this.beat = setInterval(() => this.socket.send('{"type": "ping"}'), 5000);
      return new Promise((resolve) => {
        this.socket.onopen = () => {
          this.socket.send(JSON.stringify({ type: "attach", token: this.opened.token }));
          resolve();
        };
      });
    }

    take(data) {
      const view = new DataView(data);
      const kind = view.getUint8(1);
      const moment = Number(view.getBigUint64(4)) / 1000;
      this.received.push(kind);
      if (kind === END) this.ending = JSON.parse(new TextDecoder().decode(data.slice(12)));
      if (![INIT, FRAGMENT, KEY].includes(kind)) return;
      if (kind === INIT) [this.run, this.moments] = [moment, []];
      else this.moments.push(moment);
      this.queue.push(data.slice(12));
      this.feed();
    }

    feed() {
      // A position is taken only where there is something: before that Chromium may fall back to 0.
      const begin = this.opened.actual_start - this.opened.epoch + 0.001;
      if (!this.begun && this.has(begin)) {
        this.begun = true;
        this.video.currentTime = begin;
      }
      if (!this.buffer.updating && this.queue.length) this.buffer.appendBuffer(this.queue.shift());
    }

    // Jump to a moment (s since 1970) outside of what is buffered, and tell what is painted then.
    async seek(moment) {
      const began = performance.now();
      const values = { session_id: this.opened.session_id, action: "seek", value: moment };
      const told = await ask("session/control", values);
      // What comes again replaces what is buffered, from its key frame on: look once the moment itself is there.
      const there = () =>
        Math.abs(this.run - told.actual_start) < 0.002 &&
        this.moments.some((each) => each >= moment + 0.2) &&
        !this.queue.length &&
        !this.buffer.updating;
      while (!there()) await within(new Promise((resolve) => setTimeout(resolve, 10)), this, "a jump");
      const shown = await within(eyes.seek(this.video, moment - this.opened.epoch), this, "the picture of a jump");
      return { ...shown, took: performance.now() - began };
    }

    // Go backwards at 1x for some seconds: what is painted, picture by picture, with the moment it was (ms).
    async reverse(from, seconds) {
      this.moments = [];
      const values = { session_id: this.opened.session_id, action: "speed", value: -1, at: from };
      await ask("session/control", values);
      const shown = [];
      const began = performance.now();
      let position = from - this.opened.epoch;
      while (performance.now() - began < seconds * 1000) {
        position -= 0.1;
        const target = position + 0.05;
        if (!this.has(target)) {
          position += 0.1;
          await new Promise((resolve) => setTimeout(resolve, 20));
          continue;
        }
        const arrived = new Promise((resolve) => this.video.requestVideoFrameCallback(resolve));
        this.video.currentTime = target;
        await within(arrived, this, "a picture of the way back");
        shown.push({ painted: readTimecode(this.video)?.time ?? null, at: performance.now() - began });
      }
      return shown;
    }

    state() {
      const ranges = this.video.buffered;
      const buffered = Array.from({ length: ranges.length }, (_, index) => [ranges.start(index), ranges.end(index)]);
      const { currentTime, readyState, error } = this.video;
      const socket = this.socket?.readyState;
      const { opened, errors, ending, received } = this;
      const token = undefined;
      const told = { opened: { ...opened, token }, currentTime, readyState, buffered, socket, errors, ending };
      return JSON.stringify({ ...told, error: error?.message, received: received.length, waiting: this.queue.length });
    }

    has(position) {
      const ranges = this.video.buffered;
      for (let index = 0; index < ranges.length; index++) {
        if (ranges.start(index) <= position && position < ranges.end(index)) return true;
      }
      return false;
    }

    close() {
      clearInterval(this.beat);
      this.socket.close();
      this.video.remove();
    }
  }

  return { Stream, ask };
})();
