/** Placeholder until the layer's first file lands. */
export const LAYER = 'drivers'
