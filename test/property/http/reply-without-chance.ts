import { OID, parseSignedData, parseText, readSignerInfo } from '../../../src/pki/index.ts'

const SENDER_NONCE = Buffer.from('060a6086480186f845010905', 'hex')
const SIGNING_TIME = Buffer.from('06092a864886f70d010905', 'hex')

/**
 * A CertRep with zeros in place of what differs between two answers to the same request: the server's nonce, the time, the
 * number of the request in the words for support, and the signature over all that, which is at the end. Lengths stay.
 */
export function replyWithoutChance(replyDer: Uint8Array): Buffer {
  const reply = Buffer.from(replyDer)
  blankValue(reply, SENDER_NONCE)
  blankValue(reply, SIGNING_TIME)
  const { index } = /\[request [0-9a-f-]{36}\]/.exec(reply.toString('latin1')) ?? {}
  if (index !== undefined) reply.fill(0, index, index + '[request ]'.length + 36)
  const signature = reply.lastIndexOf(Buffer.from('04820100', 'hex'))
  if (signature + 4 + 256 !== reply.length)
    throw new Error('no RSA signature of 2,048 bits at the end')
  return reply.fill(0, signature + 4)
}

/** The value of an attribute: behind the identifier stand a SET and one short value in it. */
function blankValue(reply: Buffer, type: Buffer): void {
  const at = reply.indexOf(type)
  if (at < 0) return
  const value = at + type.length + 2
  reply.fill(0, value + 2, value + 2 + (reply[value + 1] ?? 0))
}

/** pkiStatus, failInfo and the server's words, as one line. */
export function describeReply(replyDer: Uint8Array): string {
  const [info] = parseSignedData(replyDer).signerInfos
  if (info === undefined) throw new Error('a CertRep without signature')
  const { attributes } = readSignerInfo(info)
  const read = (oid: string): string => {
    const value = attributes.find((one) => one.oid === oid)?.values[0]
    return value === undefined ? '-' : parseText(value, oid)
  }
  return `${read(OID.pkiStatus)}/${read(OID.failInfo)}`
}
