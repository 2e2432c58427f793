import { webcrypto } from 'node:crypto'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'

/** What a test's CSR says. */
export interface CsrOrder {
  readonly commonName?: string
  readonly challenge?: string
  /** Bytes of keyUsage, such as 0x80 for digitalSignature. */
  readonly keyUsage?: number
  readonly ekus?: readonly string[]
  /** GeneralNames, encoded. */
  readonly sans?: readonly asn1js.BaseBlock[]
  readonly keyBits?: 1024 | 2048
  /** Whether the SAN goes into an extension-request attribute of its own. */
  readonly isSplit?: boolean
}

const keyPairs = new Map<number, Promise<webcrypto.CryptoKeyPair>>()

/** Builds a PKCS #10 with pkijs; keys are made once a process and size. */
export async function encodeCsr(order: CsrOrder): Promise<string> {
  const bits = order.keyBits ?? 2048
  const pending = keyPairs.get(bits) ?? generate(bits)
  keyPairs.set(bits, pending)
  const { publicKey, privateKey } = await pending

  const csr = new pkijs.CertificationRequest({ version: 0 })
  if (order.commonName !== undefined) {
    const value = new asn1js.Utf8String({ value: order.commonName })
    csr.subject.typesAndValues = [new pkijs.AttributeTypeAndValue({ type: '2.5.4.3', value })]
  }
  await csr.subjectPublicKeyInfo.importKey(publicKey)
  csr.attributes = attributesOf(order)
  await csr.sign(privateKey, 'SHA-256')
  return Buffer.from(csr.toSchema(true).toBER()).toString('base64')
}

/** A dNSName. */
export function dnsName(name: string): asn1js.BaseBlock {
  return contextValue(2, Buffer.from(name, 'latin1'))
}

/** An iPAddress of these octets. */
export function ipName(...octets: number[]): asn1js.BaseBlock {
  return contextValue(7, Uint8Array.from(octets))
}

/** An otherName with a user principal name, built by hand: pkijs reads this kind but does not write it. */
export function upnName(upn: string): asn1js.BaseBlock {
  const idBlock = { tagClass: 3, tagNumber: 0 }
  return new asn1js.Constructed({
    idBlock,
    value: [
      new asn1js.ObjectIdentifier({ value: '1.3.6.1.4.1.311.20.2.3' }),
      new asn1js.Constructed({ idBlock, value: [new asn1js.Utf8String({ value: upn })] }),
    ],
  })
}

function contextValue(tagNumber: number, content: Uint8Array): asn1js.BaseBlock {
  const valueHex = new Uint8Array(content).buffer
  return new asn1js.Primitive({ idBlock: { tagClass: 3, tagNumber }, valueHex })
}

function attributesOf(order: CsrOrder): pkijs.Attribute[] {
  const extensions: pkijs.Extension[] = []
  if (order.keyUsage !== undefined) {
    const octets = new Uint8Array([order.keyUsage]).buffer
    extensions.push(extension('2.5.29.15', new asn1js.BitString({ valueHex: octets })))
  }
  if (order.ekus) {
    const purposes = new pkijs.ExtKeyUsage({ keyPurposes: [...order.ekus] })
    extensions.push(extension('2.5.29.37', purposes.toSchema()))
  }
  const names = order.sans && new asn1js.Sequence({ value: [...order.sans] })
  const altNames = names ? [extension('2.5.29.17', names)] : []
  const groups = order.isSplit ? [extensions, altNames] : [[...extensions, ...altNames]]
  const requests = groups
    .filter((group) => group.length > 0)
    .map((group) =>
      attribute('1.2.840.113549.1.9.14', new pkijs.Extensions({ extensions: group }).toSchema()),
    )
  if (order.challenge === undefined) return requests
  const text = new asn1js.PrintableString({ value: order.challenge })
  return [attribute('1.2.840.113549.1.9.7', text), ...requests]
}

function extension(extnID: string, value: asn1js.BaseBlock): pkijs.Extension {
  return new pkijs.Extension({ extnID, critical: false, extnValue: value.toBER() })
}

function attribute(type: string, value: asn1js.BaseBlock): pkijs.Attribute {
  return new pkijs.Attribute({ type, values: [value] })
}

async function generate(modulusLength: number): Promise<webcrypto.CryptoKeyPair> {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength,
    publicExponent: new Uint8Array([1, 0, 1]),
  }
  return await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}
