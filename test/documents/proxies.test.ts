import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import * as z from 'zod'

function read(name: string): string {
  return readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')
}

// What nginx and HAProxy make of their files is tried in test/interop/proxies.interop.ts.
suite('templates for other proxies', () => {
  test('REQ-61: HAProxy holds a request line of 64 KiB beside what it keeps free to rewrite', () => {
    const [, size] = /^\s*tune\.bufsize (\d+)$/m.exec(read('haproxy.cfg')) ?? []
    const [, kept] = /^\s*tune\.maxrewrite (\d+)$/m.exec(read('haproxy.cfg')) ?? []
    assert.ok(Number(size) - Number(kept) > 65_536 + 16_384)
  })

  test('REQ-16, REQ-18, REQ-61: the ingress raises the request line, redirects nobody, asks for no certificate', () => {
    const [map, ingress] = parseAllDocuments(read('ingress.yaml')).map(
      (one) => one.toJS() as unknown,
    )
    const { data } = z.object({ data: z.record(z.string(), z.string()) }).parse(map)
    assert.equal(data['large-client-header-buffers'], '4 128k')
    const { metadata, spec } = z
      .object({
        metadata: z.object({ annotations: z.record(z.string(), z.string()) }),
        spec: z.object({ rules: z.array(z.unknown()) }),
      })
      .parse(ingress)
    const annotation = (name: string) => metadata.annotations[`nginx.ingress.kubernetes.io/${name}`]
    assert.equal(annotation('ssl-redirect'), 'false')
    assert.equal(annotation('force-ssl-redirect'), 'false')
    assert.equal(annotation('auth-tls-verify-client'), 'off')
    assert.doesNotMatch(JSON.stringify(spec), /8081/)
  })
})
