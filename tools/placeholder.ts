export const TOOLS = 'placeholder'
