import java.io.IOException;
import java.io.Writer;
import java.math.BigInteger;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.cert.CertStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.DERPrintableString;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.ExtensionsGenerator;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.jscep.client.Client;
import org.jscep.client.EnrollmentResponse;
import org.jscep.client.verification.CertificateVerifier;
import org.jscep.transaction.OperationFailureException;
import org.jscep.transaction.TransactionId;
import org.jscep.transport.response.Capabilities;
import org.jscep.transport.response.Capability;

/**
 * Runs one operation of jscep and tells what came of it in one word on standard output: SUCCESS, PENDING or the failInfo.
 * Keys and certificates lie as PEM in the folder of a device: new.key, new.pem, and signer.pem, which signs for new.key until
 * there is a certificate.
 *
 * <p>Usage: java JscepDriver OPERATION URL FOLDER CA.pem [ARGUMENT...]
 */
public final class JscepDriver {
  private static final String SIGNED_WITH = "SHA256withRSA";

  private final Client client;
  private final Path folder;

  private JscepDriver(URL url, Path folder, X509Certificate trusted) {
    CertificateVerifier onlyThisOne = trusted::equals;
    this.client = new Client(url, onlyThisOne);
    this.folder = folder;
  }

  public static void main(String[] args) throws Exception {
    JscepDriver driver =
        new JscepDriver(new URL(args[1]), Path.of(args[2]), readCertificate(Path.of(args[3])));
    System.out.println(driver.run(args));
    // Its HTTP connections may outlive it otherwise.
    System.exit(0);
  }

  private String run(String[] args) throws Exception {
    try {
      switch (args[0]) {
        case "capabilities":
          return readCapabilities();
        case "ca":
          return keep("ca", client.getCaCertificate());
        case "next":
          return keep("next", client.getRolloverCertificate());
        case "enrol":
          return enrol(args[4]);
        case "renew":
          return renew(args[4], args[5]);
        case "poll":
          return poll();
        case "crl":
          return fetchRevocationList();
        case "certificate":
          return keep("fetched", client.getCertificate(certificate("new"), key("new"), certificate("new").getSerialNumber()));
        default:
          throw new IllegalArgumentException(args[0]);
      }
    } catch (OperationFailureException failure) {
      return failure.getFailInfo().toString();
    }
  }

  private String readCapabilities() {
    Capabilities found = client.getCaCapabilities();
    List<String> lines = new ArrayList<>();
    for (Capability one : Capability.values()) {
      if (found.contains(one)) lines.add(one.toString());
    }
    lines.add("digest " + found.getStrongestMessageDigest().getAlgorithm());
    lines.add("cipher " + found.getStrongestCipher());
    lines.add("post " + found.isPostSupported());
    return String.join("\n", lines);
  }

  /** As the Android client does: the subject of the request, signed by itself with its own key, serial 1. */
  private String enrol(String challenge) throws Exception {
    KeyPair keys = makeKeys("new");
    X500Name subject = new X500Name("CN=android-7,OU=Phones,O=Contoso,C=CH");
    Date now = new Date();
    ContentSigner signer = new JcaContentSignerBuilder(SIGNED_WITH).build(keys.getPrivate());
    X509Certificate selfSigned =
        new JcaX509CertificateConverter()
            .getCertificate(
                new JcaX509v3CertificateBuilder(
                        subject, BigInteger.ONE, new Date(now.getTime() - 86_400_000L),
                        new Date(now.getTime() + 86_400_000L), subject, keys.getPublic())
                    .build(signer));
    writePem("signer.pem", "CERTIFICATE", selfSigned.getEncoded());
    return finish(client.enrol(selfSigned, keys.getPrivate(), request(keys, subject, challenge)));
  }

  /** A new key, signed for by the certificate of the device in another folder. */
  private String renew(String challenge, String oldFolder) throws Exception {
    X509Certificate old = readCertificate(Path.of(oldFolder, "new.pem"));
    PrivateKey oldKey = readKey(Path.of(oldFolder, "new.key"));
    X500Name subject = X500Name.getInstance(old.getSubjectX500Principal().getEncoded());
    return finish(client.enrol(old, oldKey, request(makeKeys("new"), subject, challenge)));
  }

  private String poll() throws Exception {
    X509Certificate signer = certificate("signer");
    String transaction = Files.readString(folder.resolve("transaction"));
    TransactionId id = new TransactionId(transaction.getBytes(StandardCharsets.US_ASCII));
    return finish(client.poll(signer, key("new"), signer.getSubjectX500Principal(), id));
  }

  private String fetchRevocationList() throws Exception {
    X509Certificate own = certificate("new");
    X500Principal issuer = own.getIssuerX500Principal();
    X509CRL list = client.getRevocationList(own, key("new"), issuer, own.getSerialNumber());
    Files.write(folder.resolve("fetched.crl"), list.getEncoded());
    return "SUCCESS";
  }

  private String finish(EnrollmentResponse answer) throws Exception {
    Files.writeString(folder.resolve("transaction"), answer.getTransactionId().toString());
    if (answer.isPending()) return "PENDING";
    if (answer.isFailure()) return answer.getFailInfo().toString();
    keep("issued", answer.getCertStore());
    X509Certificate first = readCertificate(folder.resolve("issued-0.pem"));
    writePem("new.pem", "CERTIFICATE", first.getEncoded());
    return "SUCCESS";
  }

  /** Writes the certificates of a store, in its order, as name-0.pem, name-1.pem, and so on. */
  private String keep(String name, CertStore store) throws Exception {
    int number = 0;
    for (Certificate one : store.getCertificates(null)) {
      writePem(name + "-" + number++ + ".pem", "CERTIFICATE", one.getEncoded());
    }
    return "SUCCESS";
  }

  private static PKCS10CertificationRequest request(KeyPair keys, X500Name subject, String challenge)
      throws Exception {
    ExtensionsGenerator extensions = new ExtensionsGenerator();
    extensions.addExtension(
        Extension.subjectAlternativeName,
        false,
        new GeneralNames(
            new GeneralName[] {
              new GeneralName(GeneralName.dNSName, "android-7.contoso.example"),
              new GeneralName(GeneralName.rfc822Name, "user@contoso.example")
            }));
    extensions.addExtension(
        Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature | KeyUsage.keyEncipherment));
    return new JcaPKCS10CertificationRequestBuilder(subject, keys.getPublic())
        .addAttribute(
            PKCSObjectIdentifiers.pkcs_9_at_challengePassword, new DERPrintableString(challenge))
        .addAttribute(PKCSObjectIdentifiers.pkcs_9_at_extensionRequest, extensions.generate())
        .build(new JcaContentSignerBuilder(SIGNED_WITH).build(keys.getPrivate()));
  }

  private KeyPair makeKeys(String name) throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    KeyPair keys = generator.generateKeyPair();
    writePem(name + ".key", "PRIVATE KEY", keys.getPrivate().getEncoded());
    return keys;
  }

  private X509Certificate certificate(String name) throws Exception {
    return readCertificate(folder.resolve(name + ".pem"));
  }

  private PrivateKey key(String name) throws Exception {
    return readKey(folder.resolve(name + ".key"));
  }

  private static X509Certificate readCertificate(Path file) throws Exception {
    try (var in = Files.newInputStream(file)) {
      return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
  }

  private static PrivateKey readKey(Path file) throws Exception {
    String base64 = Files.readString(file).replaceAll("-----[^-]+-----", "");
    byte[] der = Base64.getMimeDecoder().decode(base64);
    return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(der));
  }

  private void writePem(String name, String label, byte[] der) throws IOException {
    try (Writer out = Files.newBufferedWriter(folder.resolve(name))) {
      out.write("-----BEGIN " + label + "-----\n");
      out.write(Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der));
      out.write("\n-----END " + label + "-----\n");
    }
  }
}
