import * as z from 'zod'
import { field, secretFields, text } from '../field.ts'

/** What a profile shows of NDES beside SCEP itself. */
export const ndesSchema = z
  .strictObject({
    landing: field(z.enum(['forbidden', 'page']).default('forbidden'), {
      doc: 'What a browser gets at `/certsrv/mscep/mscep.dll`. `forbidden`: HTTP 403, as from an NDES that works behind Intune. `page`: a page that names the service.',
      example: 'forbidden',
    }),
    adminPage: field(z.boolean().default(false), {
      doc: 'Serves `/certsrv/mscep_admin/`, which hands a challenge to users with a password. For the default profile; any other has it at `/scep/{name}/mscep_admin/`. Not with an Intune challenge.',
      example: 'false',
    }),
    ...secretFields(
      'users',
      'the users of that page, one line each as `certconnector page-user` prints it',
      'secrets/page-users',
    ),
    allowedUsers: field(z.exactOptional(z.array(text(64)).min(1).max(1000)), {
      doc: 'Users who get a challenge there; the others are told that they may not.',
      example: '[jamf]',
      defaultText: 'all of the file',
    }),
    pageCharset: field(z.enum(['utf16', 'utf8']).default('utf16'), {
      doc: 'Encoding of that page. `utf16`: UTF-16LE without a mark, as from NDES; scrapers expect it. `?charset=utf8` asks for the other.',
      example: 'utf16',
    }),
  })
  .prefault({})
