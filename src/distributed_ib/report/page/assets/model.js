// The models of a few places, evaluated as Python evaluates them (see page_model.py).

import { partOf } from "./data.js";

const ACTIVATE = { relu: (x) => (x > 0 ? x : 0), tanh: Math.tanh };

/** `x` `[in]` times weights `[in, out]` plus a bias. */
function affine(x, weights, bias, nOut) {
  const out = new Float64Array(nOut);
  for (let o = 0; o < nOut; o++) out[o] = bias[o];
  for (let i = 0; i < x.length; i++) {
    const value = x[i];
    if (value === 0) continue;
    const start = i * nOut;
    for (let o = 0; o < nOut; o++) out[o] += value * weights[start + o];
  }
  return out;
}

function perceptron(x, layers, activate) {
  layers.forEach(({ weights, bias }, number) => {
    x = affine(x, weights.data, bias.data, bias.shape[bias.shape.length - 1]);
    if (number < layers.length - 1) for (let k = 0; k < x.length; k++) x[k] = activate(x[k]);
  });
  return x;
}

/** A user's number as the model takes it: standardised, or along straight lines between knots. */
export function scaledNumber(column, value) {
  const knots = column.knots?.data;
  if (!knots) return Math.fround((value - column.mean) / column.scale);
  const last = knots.length - 1;
  const within = Math.min(Math.max(value, knots[0]), knots[last]);
  const beyond = (value - within) / column.scale;
  let k = 1;
  while (k < last && knots[k] < within) k++;
  const scores = column.scores.data;
  if (last === 0) return Math.fround(scores[0] + beyond);
  const share = (within - knots[k - 1]) / (knots[k] - knots[k - 1]);
  return Math.fround(scores[k - 1] + share * (scores[k] - scores[k - 1]) + beyond);
}

/**
 * A component's values as `{numbers, codes}`, from those that a user gives, one a column.
 *
 * A number that can be missing (null, or the last level of ranks) has a code that says so, and is 0 then.
 */
export function componentInput(columns, values) {
  const numbers = [];
  const codes = [];
  columns.forEach((column, k) => {
    const value = values[k];
    if (column.levels && !column.is_rank) {
      codes.push(column.levels.indexOf(value));
      return;
    }
    const rank = column.is_rank ? column.levels.indexOf(value) : 0;
    const missing = column.has_missing && (column.is_rank ? rank === column.levels.length - 1 : value === null);
    numbers.push(missing ? 0 : scaledNumber(column, column.is_rank ? rank : Number(value)));
    if (column.has_missing) codes.push(missing ? 1 : 0);
  });
  return { numbers, codes };
}

/** Mean and log variance of every embedding, `[component * embedding]`, of one model. */
export function encoded(encoder, place, member, inputs) {
  const { n_components: n, embedding: d } = encoder;
  const mean = new Float64Array(n * d);
  const logVariance = new Float64Array(n * d);
  if (encoder.kind === "binary") {
    const centre = partOf(encoder.mean, place, member).data;
    const spread = partOf(encoder.log_variance, place, member).data;
    for (let c = 0; c < n; c++) {
      const sign = 2 * inputs[c].numbers[0] - 1;
      for (let j = 0; j < d; j++) {
        mean[c * d + j] = sign * centre[c * d + j];
        logVariance[c * d + j] = spread[c * d + j];
      }
    }
    return { mean, logVariance };
  }
  const activate = ACTIVATE[encoder.activation];
  const first = firstVectors(encoder);
  for (let c = 0; c < n; c++) {
    const out = outputsOf(encoder, place, member, c, inputs[c], first[c], activate);
    for (let j = 0; j < d; j++) {
      mean[c * d + j] = out[j];
      logVariance[c * d + j] = out[d + j];
    }
    if (encoder.slopes && encoder.row[c] >= 0) {
      const slopes = partOf(encoder.slopes, place, member, encoder.row[c]).data;
      inputs[c].numbers.forEach((number, k) => {
        for (let j = 0; j < d; j++) mean[c * d + j] += number * slopes[k * d + j];
      });
    }
  }
  return { mean, logVariance };
}

/** The number of the first vector of each categorical column of each component. */
function firstVectors(encoder) {
  let next = 0;
  return encoder.n_levels.map((levels) =>
    levels.map((count) => {
      next += count;
      return next - count;
    }),
  );
}

function outputsOf(encoder, place, member, component, input, first, activate) {
  const bias = partOf(encoder.bias, place, member, component);
  const width = bias.shape[bias.shape.length - 1];
  let hidden = Float64Array.from(bias.data);
  if (encoder.row[component] >= 0) {
    const weights = partOf(encoder.weights, place, member, encoder.row[component]).data;
    hidden = affine(features(encoder, component, input.numbers), weights, bias.data, width);
    for (const [column, value, number] of encoder.spikes?.[component] ?? []) {
      if (!isSpike(input.numbers[column], value)) continue;
      const vector = partOf(encoder.spike_vectors, place, member, number).data;
      for (let o = 0; o < width; o++) hidden[o] += vector[o];
    }
  }
  input.codes.forEach((code, k) => {
    const vector = partOf(encoder.vectors, place, member, first[k] + code).data;
    for (let o = 0; o < width; o++) hidden[o] += vector[o];
  });
  if (!encoder.rest.length) return hidden;
  for (let o = 0; o < width; o++) hidden[o] = activate(hidden[o]);
  const indices = encoder.separate ? [place, member, component] : [place, member];
  const layers = encoder.rest.map(({ weights, bias: last }) => ({
    weights: partOf(weights, ...indices),
    bias: partOf(last, ...indices),
  }));
  return perceptron(hidden, layers, activate);
}

/** Whether a number is a value that has a vector of its own, up to rounding in single precision. */
function isSpike(number, value) {
  return Math.abs(number - value) <= 1e-6 * Math.max(1, Math.abs(value));
}

/**
 * Numbers with their sines: all numbers, then all sines of the lowest frequency, and so on; smooth
 * columns have none.
 */
function features(encoder, component, numbers) {
  const width = encoder.width;
  const found = new Float64Array(width * (1 + encoder.frequencies));
  numbers.forEach((number, k) => {
    found[k] = number;
    if (encoder.smooth?.[component][k]) return;
    for (let f = 1; f <= encoder.frequencies; f++) {
      found[f * width + k] = Math.sin(2 ** f * Math.PI * (number / encoder.period));
    }
  });
  return found;
}

/** Probabilities of each entry of Y given embeddings: a list of arrays, one for each entry. */
export function predictedFrom(predictor, place, member, u) {
  const activate = ACTIVATE[predictor.activation];
  const layers = predictor.layers.map(({ weights, bias }) => ({
    weights: partOf(weights, place, member),
    bias: partOf(bias, place, member),
  }));
  if (predictor.kind !== "tilted") {
    const logits = perceptron(u, layers, activate);
    if (predictor.kind === "categorical") return [softmax(logits)];
    return [Float64Array.of(1 / (1 + Math.exp(logits[0])), 1 / (1 + Math.exp(-logits[0])))];
  }
  const open = partOf(predictor.open, place, member).data;
  const isOpen = open.some((gate) => gate > 0);
  const read = u.map((value, k) => value * open[k]);
  const tilts = perceptron(read, layers, activate);
  const linear = partOf(predictor.linear, place, member);
  const straight = affine(read, linear.data, new Float64Array(tilts.length), tilts.length);
  const found = [];
  let [bin, tilt, fn] = [0, 0, 0];
  predictor.n_bins.forEach((nBins, entry) => {
    const nTilts = predictor.n_tilts[entry];
    const logs = new Float64Array(nBins);
    for (let b = 0; b < nBins; b++) {
      logs[b] = predictor.log_share.data[bin + b];
      for (let t = 0; isOpen && t < nTilts; t++) {
        logs[b] += (tilts[tilt + t] + straight[tilt + t]) * predictor.functions.data[fn + b * nTilts + t];
      }
    }
    found.push(isOpen ? softmax(logs) : logs.map(Math.exp));
    bin += nBins;
    tilt += nTilts;
    fn += nBins * nTilts;
  });
  return found;
}

function softmax(logs) {
  const most = logs.reduce((a, b) => Math.max(a, b), -Infinity);
  const found = logs.map((one) => Math.exp(one - most));
  const total = found.reduce((a, b) => a + b, 0);
  return found.map((one) => one / total);
}

/**
 * The predicted distribution of Y, averaged over noise and models: a list of arrays, one for each
 * entry of Y.
 */
export function prediction(model, place, inputs) {
  const { encoder, predictor, noise, paired, n_members: nMembers } = model;
  const [, nDraws] = noise.shape;
  const signs = paired ? [1, -1] : [1];
  const totals = [];
  for (let member = 0; member < nMembers; member++) {
    const { mean, logVariance } = encoded(encoder, place, member, inputs);
    const deviation = logVariance.map((one) => Math.exp(0.5 * one));
    for (let draw = 0; draw < nDraws; draw++) {
      const unit = partOf(noise, Math.min(member, noise.shape[0] - 1), draw).data;
      for (const sign of signs) {
        const u = mean.map((centre, k) => centre + deviation[k] * sign * unit[k]);
        predictedFrom(predictor, place, member, u).forEach((chances, entry) => {
          totals[entry] ??= new Float64Array(chances.length);
          for (let b = 0; b < chances.length; b++) totals[entry][b] += chances[b];
        });
      }
    }
  }
  const n = nMembers * nDraws * signs.length;
  const averaged = totals.map((sums) => sums.map((sum) => sum / n));
  return paired && predictor.kind === "tilted" ? sharpened(predictor, place, averaged) : averaged;
}

/** Averaged probabilities with their tilts scaled; see `TiltedPredictor.sharpened` in Python. */
function sharpened(predictor, place, averaged) {
  const [sharpness] = partOf(predictor.sharpness, place, 0).data;
  if (sharpness === 1) return averaged;
  return averaged.map((chances) => {
    const logs = chances.map((p, b) => {
      const alone = predictor.log_share.data[b];
      return alone + sharpness * (Math.log(Math.max(p, 2.2250738585072014e-308)) - alone);
    });
    return softmax(logs);
  });
}

/** Mean of a number whose bins have these probabilities. */
export function meanOf(entry, chances) {
  return chances.reduce((sum, p, b) => sum + p * entry.centers.data[b], 0);
}

/** Quantiles of a number whose bins have these probabilities, each of equally likely points. */
export function quantilesOf(entry, chances, levels) {
  const { data, shape } = entry.points;
  const order = [...data.keys()].sort((a, b) => data[a] - data[b] || a - b);
  const below = [];
  let sum = 0;
  for (const k of order) below.push((sum += chances[Math.floor(k / shape[1])]));
  return levels.map((level) => {
    const place = below.findIndex((one) => one >= level * sum);
    return data[order[place < 0 ? order.length - 1 : place]];
  });
}
