// Reads the time code of a video element, image or canvas; returns {channel, time (ms since 1970)} or null.
// The strip: 2 rows of 32 cells on the bottom edge; bits: marker 6, channel 8, milliseconds 42, CRC-8 8.
function readTimecode(source) {
  const width = source.videoWidth || source.naturalWidth || source.width;
  const height = source.videoHeight || source.naturalHeight || source.height;
  if (!width || !height) return null;
  const row = height / 45;
  const strip = Math.ceil(2 * row);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = strip;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, height - strip, width, strip, 0, 0, width, strip);
  const pixels = context.getImageData(0, 0, width, strip).data;
  const means = [];
  for (let index = 0; index < 64; index++) {
    const line = Math.floor(index / 32);
    const column = index % 32;
    let sum = 0;
    let count = 0;
    const top = strip - (2 - line) * row;
    const y0 = Math.floor(top + row * 0.25);
    const y1 = Math.max(y0 + 1, Math.floor(top + row * 0.75));
    const x1 = Math.max(Math.floor(((column + 0.25) * width) / 32) + 1, Math.floor(((column + 0.75) * width) / 32));
    for (let y = y0; y < y1; y++) {
      for (let x = Math.floor(((column + 0.25) * width) / 32); x < x1; x++) {
        sum += pixels[(y * width + x) * 4 + 1];
        count++;
      }
    }
    means.push(sum / count);
  }
  const marker = [1, 0, 1, 1, 0, 0];
  const light = (means[0] + means[2] + means[3]) / 3;
  const dark = (means[1] + means[4] + means[5]) / 3;
  if (light - dark < 60) return null;
  const bits = means.map((mean) => (mean > (light + dark) / 2 ? 1 : 0));
  if (marker.some((bit, index) => bits[index] !== bit)) return null;
  let crc = 0xff;
  for (let index = 6; index < 56; index++) {
    const top = (crc >> 7) ^ bits[index];
    crc = ((crc << 1) & 0xff) ^ (top ? 0x07 : 0);
  }
  const number = (from, to) => bits.slice(from, to).reduce((value, bit) => value * 2 + bit, 0);
  if (number(56, 64) !== crc) return null;
  return { channel: number(6, 14), time: number(14, 56) };
}
