/** @import { Column, Manifest, PolicyManifest } from '../manifest.ts' */

/**
 * The run as the page embeds it.
 * @typedef {{ manifest: Manifest, bytes: ArrayBuffer, start: number }} Run
 */

/**
 * Unpacks `[length of JSON, u32][JSON][columns]`, deflated, in base64.
 * @param {string} base64
 * @returns {Promise<Run>}
 */
export async function openRun(base64) {
  const packed = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'))
  const bytes = await new Response(stream).arrayBuffer()
  const length = new DataView(bytes).getUint32(0, true)
  /** @type {Manifest} */
  const manifest = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)))
  return { manifest, bytes, start: 4 + length }
}

/**
 * @param {Run} run
 * @param {Column} column
 */
export function codes(run, column) {
  return new Uint8Array(run.bytes, run.start + column.offset, column.length)
}

/**
 * @param {Run} run
 * @param {Column} column
 */
export function loadCodes(run, column) {
  return new Uint16Array(run.bytes, run.start + column.offset, column.length)
}

/**
 * The share of capacity a code stands for; NaN for "off".
 * @param {Run} run
 * @param {number} code
 */
export function loadOf(run, code) {
  return code === 0 ? Number.NaN : (code - 1) / run.manifest.codesToFull
}

/**
 * @param {Run} run
 * @param {Column} column
 */
export function counts(run, column) {
  return new Uint32Array(run.bytes, run.start + column.offset, column.length)
}

/**
 * @param {Run} run
 * @param {Column} column
 */
export function floats(run, column) {
  return new Float32Array(run.bytes, run.start + column.offset, column.length)
}

/**
 * What the views share: the run, and what is chosen in it.
 * @typedef {{ run: Run, policy: PolicyManifest, row: number, pickRow: (row: number) => void }} State
 */

/**
 * The element of the page with this id. It is missing only if page and script are of different versions.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function element(id, type) {
  const found = document.getElementById(id)
  if (!(found instanceof type)) throw new Error(`The page lacks its element “${id}”.`)
  return found
}
