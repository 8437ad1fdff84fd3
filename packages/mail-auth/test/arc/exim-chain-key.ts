/** The record of the key with which `exim-chain.eml` was sealed. */
export const MX_TEST_KEY =
  "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAyJXM/MKKFpIehdbOVl8gwsXlG62gE+jSxut3hVtmOoIN4vP4nGQWaLZToc5gS6imJBavCz/hinD/wJyEMD+6qpPMBElSh5JDXKAYddcZk839JPLHwuYtF2/ygE8XXeJ9Oi4Qfn0yLtydfZUVxkQVavsTFucNZ31VQHI5GKy3W0c5RIPTL5rVlG/bI30VH3APJiqrp++EqZYUZdkjVDSHhKmOxNEunuZRpQy3p3E7Eqv5TnqeeQ6Ec6/T6jY+x+2k5i1qy+wHdPVWnIIvlIJFkSMgBRg+glJfJ4dl+RiU9YjkRtuvGI5Nwvtq3Ug24iWExBXcZQYkQBb/t1gMSDnWGwIDAQAB";
