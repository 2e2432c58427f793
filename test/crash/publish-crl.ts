import { createPrivateKey } from 'node:crypto'
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createEmbeddedCa } from '../../src/ca/index.ts'
import { systemClock } from '../../src/kernel/index.ts'
import { signWith } from '../../src/pki/index.ts'
import { openStore } from '../../src/store/index.ts'

/**
 * Publishes one CRL and, when told so, is killed at a step of it: `node publish-crl.ts <folder> [step]`. The folder holds
 * `connector.db`, `issuing.der` and `issuing.pem` (its key). Whatever gets a signature is noted in `signed` first, one
 * line each: the number of this process and the TBS in hexadecimal.
 */
const [folder = '', step] = process.argv.slice(2)

function passing(reached: string): void {
  if (reached === step) process.kill(process.pid, 'SIGKILL')
}

const key = createPrivateKey(readFileSync(join(folder, 'issuing.pem')))
const store = await openStore({ kind: 'sqlite', file: join(folder, 'connector.db') })
const ca = createEmbeddedCa({
  id: 'main',
  chain: [readFileSync(join(folder, 'issuing.der'))],
  signer: {
    issueCertificate: async () => {
      throw new TypeError('nothing is issued here')
    },
    async sign(_caId, tbs) {
      const line = `${process.pid} ${Buffer.from(tbs).toString('hex')}\n`
      appendFileSync(join(folder, 'signed'), line)
      const signature = signWith(key, tbs)
      passing('signed')
      return signature
    },
  },
  certificates: {
    ...store.certificates,
    async listRevoked(caId, asOf) {
      passing('number taken')
      return await store.certificates.listRevoked(caId, asOf)
    },
  },
  crls: {
    ...store.crls,
    async publish(caId, publication) {
      const written = store.crls.publish(caId, publication)
      passing('being written')
      await written
      passing('published')
    },
  },
  crlUrl: 'http://pki.example/crl/main.crl',
  crlRules: { shards: 2 },
  clock: systemClock,
})
await ca.publishCrl()
await store.close()
