import assert from 'node:assert/strict'
import { test } from 'node:test'
import { html } from '../../../src/http/html.ts'

test('text is escaped for content and for quoted attributes', () => {
  const hostile = `<script>"&'`
  assert.equal(
    html`<p title="${hostile}">${hostile}</p>`.toString(),
    '<p title="&lt;script&gt;&quot;&amp;&#39;">&lt;script&gt;&quot;&amp;&#39;</p>',
  )
})

test('html inside html is not escaped again, lists are joined', () => {
  const rows = ['<', '>'].map((text) => html`<li>${text}</li>`)
  assert.equal(html`<ul>${rows}${3}</ul>`.toString(), '<ul><li>&lt;</li><li>&gt;</li>3</ul>')
})
