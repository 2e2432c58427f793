import * as z from 'zod'

const sentence = z.string().max(4096)

/** The body of every answer from 400 upwards. */
export const errorBody = z
  .object({
    error: z.object({
      code: z.string().max(128),
      message: sentence,
      details: z
        .array(z.object({ target: sentence.optional(), code: sentence, message: sentence }))
        .max(500)
        .optional(),
      innerError: z
        .object({
          'request-id': sentence.optional(),
          'client-request-id': sentence.optional(),
          date: sentence.optional(),
        })
        .optional(),
    }),
  })
  .meta({ id: 'Error', description: 'Problems of single items are never an HTTP error.' })
