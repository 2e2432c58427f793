import { randomBytes } from 'node:crypto'
import { type Issuer, issueCertificate, prepareIssuer } from '../ca/index.ts'
import { ConnectorError } from '../kernel/index.ts'
import { signWith } from '../pki/index.ts'
import { openRequest, prepareRaKeyRing, sealReply } from '../scep/index.ts'
import type { CryptoJobTable, CryptoKeys } from './crypto-job-table.ts'
import type { JobRunner } from './job-table.ts'
import { ownBytes } from './own-bytes.ts'
import { decodeRules } from './rules-crossing.ts'

/**
 * The jobs of the product, with every key imported once: Node.js serialises RSA decryption on a key object that threads
 * share, so that each thread has its own.
 *
 * @throws ConnectorError `key/unreadable`, `ca/misconfigured` a key cannot be used
 */
export function createCryptoJobs(keys: CryptoKeys): JobRunner<CryptoJobTable> {
  const ring = prepareRaKeyRing(keys.ras)
  const issuers = new Map(keys.issuers.map((material) => [material.caId, prepareIssuer(material)]))

  function getIssuer(caId: string): Issuer {
    const issuer = issuers.get(caId)
    if (issuer !== undefined) return issuer
    throw new ConnectorError('ca/misconfigured', `the worker threads hold no key of CA ${caId}`)
  }

  return {
    open: ({ messageDer, rules, now }) => openRequest(messageDer, ring, decodeRules(rules), now),
    seal: ({ frame, reply, rules, now }) =>
      ownBytes(sealReply(frame, reply, ring, decodeRules(rules), { now, random: randomBytes })),
    issue: ({ caId, order }) => ownBytes(issueCertificate(order, getIssuer(caId))),
    sign: ({ caId, data }) => ownBytes(signWith(getIssuer(caId).key, data)),
  }
}

/** Bytes that a job made and nobody here keeps: they move to the main thread. Of other results nothing moves. */
export function findMovableBuffers(result: unknown): readonly ArrayBuffer[] {
  return result instanceof Uint8Array && result.buffer instanceof ArrayBuffer ? [result.buffer] : []
}
