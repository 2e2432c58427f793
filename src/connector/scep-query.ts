import { refusalFor, type ScepQuery } from '../scep/index.ts'
import { type Ending, endWithRefusal } from './enrolment-work.ts'

/** Answers a message that asks about something there is (RFC 8894, sections 3.3.3 to 3.3.5). */
export async function answerScepQuery({ asked }: ScepQuery): Promise<Ending> {
  return endWithRefusal(
    refusalFor('scep/bad-request', `messageType ${asked.messageType} is not served`),
    'refused',
  )
}
