/** A fenced block of a Markdown document. */
export interface FencedBlock {
  /** Word after the fence. */
  readonly language: string
  readonly text: string
}

/** All fenced blocks of a document, in their order. */
export function parseFencedBlocks(markdown: string): FencedBlock[] {
  return [...markdown.matchAll(/^ *```(\w*)\n([\s\S]*?)^ *```$/gm)].map(
    ([, language = '', text = '']) => ({ language, text }),
  )
}
