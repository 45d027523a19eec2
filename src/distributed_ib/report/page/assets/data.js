// Reading the data of the page: arrays travel as base64, little endian.

const KINDS = {
  float32: Float32Array,
  float64: Float64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int32: Int32Array,
};

/** Nested data with every `{$, shape, base64}` replaced by `{data, shape}`. */
export function decoded(value) {
  if (Array.isArray(value)) return value.map(decoded);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.$ === "string" && KINDS[value.$]) {
    const text = atob(value.base64);
    const bytes = new Uint8Array(text.length);
    for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
    return { data: new KINDS[value.$](bytes.buffer), shape: value.shape };
  }
  const found = Object.create(null);
  for (const key of Object.keys(value)) found[key] = decoded(value[key]);
  return found;
}

/** The part of an array at the first indices: a view, not a copy. */
export function partOf(array, ...indices) {
  let data = array.data;
  let shape = array.shape;
  for (const index of indices) {
    const size = shape.slice(1).reduce((a, b) => a * b, 1);
    data = data.subarray(index * size, (index + 1) * size);
    shape = shape.slice(1);
  }
  return { data, shape };
}
