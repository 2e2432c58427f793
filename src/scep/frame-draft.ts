import type { ReplyFrame } from './types.ts'

/** A frame that fills while the message is being read, so that a refusal knows as much as there is to know. */
export type FrameDraft = { -readonly [Member in keyof ReplyFrame]: ReplyFrame[Member] }
