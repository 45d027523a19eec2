// What a channel keeps of the values of a component.

/** Bhattacharyya coefficients of all pairs of diagonal Gaussians, `n * n` numbers. */
export function overlaps(mean, logVariance, n, d) {
  const variance = new Float64Array(n * d);
  for (let k = 0; k < n * d; k++) variance[k] = Math.exp(logVariance[k]);
  const found = new Float32Array(n * n);
  for (let a = 0; a < n; a++) {
    found[a * n + a] = 1;
    for (let b = 0; b < a; b++) {
      let distance = 0;
      for (let j = 0; j < d; j++) {
        const middle = 0.5 * (variance[a * d + j] + variance[b * d + j]);
        const gap = mean[a * d + j] - mean[b * d + j];
        distance +=
          (0.125 * gap * gap) / middle +
          0.5 * (Math.log(middle) - 0.5 * (logVariance[a * d + j] + logVariance[b * d + j]));
      }
      found[a * n + b] = found[b * n + a] = Math.exp(-distance);
    }
  }
  return found;
}
