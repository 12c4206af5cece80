// What a person sees of a page made of shadow roots. readTimecode comes from the simulator's timecode.js.
window.eyes = (() => {
  const asleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  function* walk(root) {
    for (const element of root.querySelectorAll("*")) {
      yield element;
      if (element.shadowRoot) yield* walk(element.shadowRoot);
    }
  }

  // Every text below an element, in lines; what a slot shows is below the element that it was given to.
  function words(element) {
    const found = [];
    const collect = (node) => {
      for (const child of node.childNodes) {
        if (child.nodeType === Node.TEXT_NODE && child.data.trim()) found.push(child.data.trim());
        if (child.nodeType !== Node.ELEMENT_NODE || ["STYLE", "SCRIPT"].includes(child.tagName)) continue;
        if (child.shadowRoot) collect(child.shadowRoot);
        collect(child);
      }
    };
    if (element.shadowRoot) collect(element.shadowRoot);
    collect(element);
    return found.join("\n");
  }

  // The time code of the first picture below an element that has one: {channel, time, tag}.
  function picture(element) {
    const roots = element.shadowRoot ? [element.shadowRoot, element] : [element];
    for (const root of roots) {
      for (const candidate of walk(root)) {
        if (candidate.tagName !== "IMG" && candidate.tagName !== "VIDEO") continue;
        const code = readTimecode(candidate);
        if (code) return { ...code, tag: candidate.tagName };
      }
    }
    return null;
  }

  // Pause, and tell what stands still: {at (s), time (painted, ms)}; null when no picture comes.
  async function still(video) {
    video.pause();
    for (let left = 100; left; left--) {
      await asleep(50);
      const code = !video.seeking && video.readyState >= 2 ? readTimecode(video) : null;
      if (code) return { at: video.currentTime, time: code.time, channel: code.channel };
    }
    return null;
  }

  // Ask for a position as the slider does, and tell what is shown there.
  async function seek(video, position) {
    video.pause();
    const arrived = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    video.currentTime = position;
    await arrived;
    // The picture is on its way to the screen when "seeked" fires.
    await asleep(100);
    return still(video);
  }

  return { words, picture, still, seek };
})();
